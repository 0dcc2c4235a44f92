# shellcheck shell=bash
# Shared code of the launchers. It is sourced, never run.
#
# Every command that costs, changes or deletes something goes through `run`, which with --dry-run prints it instead.

DRY_RUN=${DRY_RUN:-}

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

fail() {
  say "$*"
  exit 2
}

# Prints a command as it would be typed.
show() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
}

run() {
  show "$@" >&2
  [[ -n $DRY_RUN ]] || "$@"
}

# A value for an option: need "$@" at the option's place.
need() { [[ $# -ge 2 ]] || fail "$1 needs a value (see --help)"; }

# The text between the first comment of the script and its end, as --help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# Checks for a required program; if it is missing, says how to get it and exits. With --dry-run it only returns 1.
program() {
  command -v "$1" >/dev/null && return 0
  [[ -n $DRY_RUN ]] || fail "$1 is not installed: $2"
  say "$1 is not installed, so its checks are skipped; to get it: $2"
  return 1
}

# The value of --out in a command, empty if it has none.
out_of() {
  local previous=''
  for word in "$@"; do
    [[ $previous == --out ]] && printf '%s' "$word"
    [[ $word == --out=* ]] && word=${word#--out=} && printf '%s' "${word/#\~\//${HOME-\~}/}"
    previous=$word
  done
  return 0
}

# The command must write to a place that outlives the machine.
outlives() {
  local out
  out=$(out_of "$@")
  [[ $out == gs://* ]] || fail "the command must write to a bucket, --out gs://...: the machine's own disk is deleted with it"
}

# Checks that gcloud is installed and logged in. If not, with --dry-run it returns 1 and uses a placeholder project.
with_gcloud() {
  if program gcloud 'https://cloud.google.com/sdk/docs/install'; then
    [[ -z $(gcloud auth list --filter=status:ACTIVE '--format=value(account)' 2>/dev/null) ]] || return 0
    [[ -n $DRY_RUN ]] || fail 'nobody is logged in; run: gcloud auth login'
    say 'nobody is logged in, so the checks of gcloud are skipped; to log in: gcloud auth login'
  fi
  PROJECT=${PROJECT:-PROJECT}
  return 1
}

# Checks that the project is known, its API is on, and the bucket of --out exists.
# Sets PROJECT. Reads only.
cloud() {
  local api=$1 bucket
  shift
  [[ -n ${PROJECT:-} ]] || PROJECT=$(gcloud config get-value project 2>/dev/null)
  [[ -n $PROJECT && $PROJECT != '(unset)' ]] || fail 'which project? give --project, or run: gcloud config set project NAME'
  [[ -n $(gcloud services list --enabled "--project=$PROJECT" "--filter=config.name=$api" '--format=value(config.name)') ]] ||
    fail "$api is off in project $PROJECT; run: gcloud services enable $api --project=$PROJECT"
  bucket=$(out_of "$@")
  bucket=${bucket#gs://}
  bucket=gs://${bucket%%/*}
  gcloud storage buckets describe "$bucket" "--project=$PROJECT" '--format=value(name)' >/dev/null ||
    fail "$bucket cannot be read; run: gcloud storage buckets create $bucket --project=$PROJECT --location=REGION"
}

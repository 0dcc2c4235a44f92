"""The report: one HTML file that needs nothing beside it (images inside, no scripts), for a phone as for a desk."""

import base64
import html
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from t2f_jax.io.files import write_text
from t2f_jax.report.content import Analysis, Caption, Picture, ReportContent, Samples, Source

LONG = 20  # answers of one face above which those of "no" that are not wrong are only counted


def write(path: pathlib.Path, title: str, content: ReportContent) -> None:
    """Writes the page under its final name only once it is whole."""
    write_text(path, render(title, content))


def render(title: str, content: ReportContent) -> str:
    """The page as text. All words of the content are escaped."""
    sections = [
        _section("figures", "In figures", "".join(_cards(s, len(content.sources) > 1) for s in content.sources)),
        _section("samples", "Words to faces", _samples(content.samples)),
        *(_section(_anchor(s.name), s.name, _source(s)) for s in content.sources),
        _section("training", "Training", "".join(_picture(p) for p in content.curves)),
        _section("run", "The run", _facts(content.run) + _details(content.details)),
    ]
    links = "".join(link for link, _ in filter(None, sections))
    body = "".join(section for _, section in filter(None, sections))
    summary = f'<p class="lead">{_text(content.summary)}</p>' if content.summary else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
        f"<header><h1>{_text(title)}</h1>{summary}<nav>{links}</nav></header>\n<main>{body}</main>\n</body>\n</html>\n"
    )


def _section(anchor: str, title: str, body: str) -> tuple[str, str] | None:
    """(link to it, the section), None if it would be empty."""
    if not body:
        return None
    link = f'<a href="#{anchor}">{_text(title)}</a>'
    return link, f'\n<section id="{anchor}"><h2>{_text(title)}</h2>{body}</section>'


def _cards(source: Source, named: bool) -> str:
    """The headline figures of a source, each with its baseline."""
    cards = []
    found, requests = source.attributes or {}, source.requests or {}
    if "mean" in found:
        mean = found["mean"]
        note = f"balanced {_share(mean['balanced_accuracy'])}, {mean['attributes']} attributes, {found['faces']} faces"
        baseline = f"baseline {_share(mean['majority_accuracy'])}: always the commonest answer"
        cards.append(_card("Attribute accuracy", _share(mean["accuracy"]), mean["interval"], _share, baseline, note))
    for name, number in found.get("numbers", {}).items():
        unit = " years" if name == "age" else ""
        baseline = f"baseline {_number(number['mae_training_mean'])}{unit}: always the training mean"
        note = f"{_share(number['cs5'])} within 5{unit}, {number['n']} faces"
        label = f"{name.capitalize()} error (mean absolute)"
        cards.append(_card(label, _number(number["mae"]) + unit, number["interval"], _number, baseline, note))
    if requests.get("requested_attributes_seen") is not None:
        baseline = f"baseline {_share(requests['requested_attributes_shuffled'])}: held against another request"
        note = f"{requests['asked']} attributes asked of {requests['n']} generated faces"
        if source.judge_accuracy is not None:
            note += f"; the judge is right on {_share(source.judge_accuracy)} of real labels"
        value = _share(requests["requested_attributes_seen"])
        cards.append(_card("Requested attributes seen", value, requests["interval"], _share, baseline, note))
    if source.reconstruction:
        r = source.reconstruction
        baseline = f"baseline {_number(r['psnr_mean_image'])} dB: always the mean image"
        note = f"{_share(r['codes_used'])} of the codebook in use, perplexity {r['perplexity']:.0f}"
        cards.append(_card("Reconstruction (PSNR)", f"{_number(r['psnr'])} dB", r["interval"], _number, baseline, note))
    if not cards:
        return ""
    return (f"<h3>{_text(source.name)}</h3>" if named else "") + f'<div class="cards">{"".join(cards)}</div>'


def _card(label: str, value: str, interval: Sequence[float] | None, form: Any, baseline: str, note: str) -> str:
    span = f"<small>95% interval {form(interval[0])} – {form(interval[1])}</small>" if interval else ""
    return (
        f'<div class="card"><div class="label">{_text(label)}</div><div class="value">{_text(value)}</div>{span}'
        f'<div class="base">{_text(baseline)}</div><small>{_text(note)}</small></div>'
    )


def _samples(samples: Sequence[Samples]) -> str:
    blocks = []
    for sample in samples:
        faces = "".join(
            f"<figure>{_image(image, f'{sample.prompt}, seed {seed}')}<figcaption>seed {seed}</figcaption></figure>"
            for image, seed in zip(sample.images, sample.seeds, strict=True)
        )
        blocks.append(f'<blockquote>{_text(sample.prompt)}</blockquote><div class="faces">{faces}</div>')
    return '<p class="note">Every seed is shown as it came; none was picked.</p>' + "".join(blocks) if blocks else ""


def _source(source: Source) -> str:
    parts = [f"<p>{_text(source.note)}</p>"] if source.note else []
    if source.captions:
        parts += ["<h3>Faces to words</h3>", f'<div class="pairs">{"".join(map(_caption, source.captions))}</div>']
    if source.analyses:
        parts += [
            "<h3>Faces to attributes</h3>",
            '<p class="note">Marked rows differ from the label, which stands behind them.</p>',
            f'<div class="pairs">{"".join(map(_analysis, source.analyses))}</div>',
        ]
    if source.attributes and source.attributes["choices"]:
        parts += ["<h3>Attributes of held-out faces</h3>", _attribute_table(source.attributes)]
    if source.plots:
        parts.append(f'<div class="plots">{"".join(map(_picture, source.plots))}</div>')
    if source.requests:
        parts += ["<h3>Attributes of generated faces</h3>", _request_table(source.requests)]
    if source.reconstructions:
        parts.append(_picture(source.reconstructions, wide=True))
    return "".join(parts)


def _caption(caption: Caption) -> str:
    given = "".join(f"<li>{_text(text)}</li>" for text in caption.given)
    given = f"<small>given:</small><ul>{given}</ul>" if given else ""
    words = f"<p>{_text(caption.generated or '(no words)')}</p>{given}"
    return f'<div class="pair">{_image(caption.image, caption.generated)}<div>{words}</div></div>'


def _analysis(analysis: Analysis) -> str:
    rows, absent = [], 0
    for name, answer in analysis.answers.items():
        true, value = analysis.truth.get(name), answer["value"]
        if "low" in answer:  # a number is right or wrong by degrees
            sure, wrong = f"{answer['low']} – {answer['high']}", true is not None and abs(int(true) - int(value)) > 5
        else:
            sure, wrong = _share(answer["probability"], 0), true is not None and true != value
        if value == "no" and not wrong and len(analysis.answers) > LONG:
            absent += 1
            continue
        told = f' <span class="true">({_text(true)})</span>' if true is not None and true != value else ""
        mark = '<b class="mark" title="differs from the label">✗</b> ' if wrong else ""
        kind = ' class="wrong"' if wrong else ""
        rows.append(
            f"<tr{kind}><th>{_text(name)}</th><td>{mark}{_text(value)}{told}</td>"
            f'<td class="num">{_text(sure)}</td></tr>'
        )
    table = f'<table class="small">{"".join(rows)}</table>'
    table += f"<small>and {absent} more answered “no”, none against its label</small>" if absent else ""
    return f'<div class="pair">{_image(analysis.image, "a held-out face")}<div>{table}</div></div>'


def _attribute_table(result: Mapping[str, Any]) -> str:
    rows = [
        [
            _text(name),
            _bar(row["accuracy"], row["majority_accuracy"]),
            _share(row["balanced_accuracy"]),
            _share(row["majority_accuracy"]),
            _text(row["majority"] or "–"),
            str(row["n"]),
        ]
        for name, row in result["choices"].items()
    ]
    mean = result["mean"]
    last = ["mean", _bar(mean["accuracy"], mean["majority_accuracy"]), _share(mean["balanced_accuracy"])]
    last += [_share(mean["majority_accuracy"]), "", ""]
    head = ["attribute", "accuracy", "balanced", "commonest", "which is", "faces"]
    note = "The mark on a bar is what always giving the training faces' commonest answer reaches. "
    note += "Balanced accuracy weighs every value alike."
    if "calibration" in result:
        note += f" Expected calibration error {result['calibration']['ece']:.3f}."
    return _table(head, rows, last) + f'<p class="note">{note}</p>'


def _request_table(result: Mapping[str, Any]) -> str:
    rows = [
        [
            _text(name),
            _bar(row["seen"], row["shuffled"]),
            _share(row["balanced"]),
            _share(row["shuffled"]),
            str(row["n"]),
        ]
        for name, row in result["attributes"].items()
    ]
    last = ["all", _bar(result["requested_attributes_seen"], result["requested_attributes_shuffled"]), ""]
    last += [_share(result["requested_attributes_shuffled"]), str(result["asked"])]
    head = ["attribute", "seen", "balanced", "shuffled", "asked"]
    note = "Seen: share of the faces asked to show it on which the judge sees it. "
    note += "Shuffled, the mark on a bar: the same faces held against another face's request."
    for name, row in result["numbers"].items():
        unit = " years" if name == "age" else ""
        note += f" Asked and judged {name} differ by {_number(row['mae'])}{unit} on average over {row['n']} faces"
        note += f" (shuffled: {_number(row['mae_shuffled'])}{unit})."
    return _table(head, rows, last) + f'<p class="note">{_text(note)}</p>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], last: Sequence[str]) -> str:
    """A table that scrolls sideways where it does not fit; cells are HTML already."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)

    def line(cells: Sequence[str]) -> str:
        return f'<tr><th scope="row">{cells[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in cells[1:]) + "</tr>"

    return (
        f'<div class="scroll" tabindex="0"><table class="figures"><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(map(line, rows))}</tbody><tfoot>{line(last)}</tfoot></table></div>"
    )


def _bar(share: float | None, baseline: float | None) -> str:
    if share is None:
        return "–"
    mark = f'<i style="left:{100 * baseline:.1f}%"></i>' if baseline is not None else ""
    return f'<span class="bar"><span style="width:{100 * share:.1f}%"></span>{mark}</span>{_share(share)}'


def _picture(picture: Picture, wide: bool = False) -> str:
    note = f"<figcaption>{_text(picture.note)}</figcaption>" if picture.note else ""
    kind = "plot wide" if wide else "plot"
    return (
        f'<figure class="{kind}"><h3>{_text(picture.title)}</h3>{_image(picture.image, picture.title)}{note}</figure>'
    )


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{_text(k.removesuffix('_bytes').replace('_', ' '))}</th><td>{_text(_fact(k, v))}</td></tr>"
        for k, v in facts.items()
    )
    return f'<div class="scroll"><table class="facts">{rows}</table></div>' if rows else ""


def _fact(key: str, value: Any) -> str:
    if key.endswith("seconds") and isinstance(value, (int, float)):
        minutes, seconds = divmod(round(value), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{value:.3g} s"
    if key.endswith("_bytes") and isinstance(value, (int, float)):
        return f"{value / 2**30:.2f} GiB"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False)


def _details(details: Mapping[str, Any]) -> str:
    return "".join(
        f"<details><summary>{_text(name)}</summary>"
        f"<pre>{_text(json.dumps(value, indent=2, ensure_ascii=False, default=str))}</pre></details>"
        for name, value in details.items()
    )


def _image(data: bytes, alt: str) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}" alt="{_text(alt)}">'


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def _anchor(name: str) -> str:
    return "source-" + "".join(c if c.isalnum() else "-" for c in name.lower())


def _share(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}%"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


_CSS = """
:root { color-scheme: light dark; --page: #fbfbf9; --card: #fff; --ink: #1d2126; --soft: #626970; --line: #e2e3df;
  --bar: #2f7ed8; --track: #e9ebee; --mark: #d86f2c; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1d2125; --ink: #e6e8ea; --soft: #9aa1a8;
  --line: #31363b; --bar: #4c94e4; --track: #2d3238; --mark: #e98d50; --wrong: #ff8a80; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
header, main { max-width: 68rem; margin: 0 auto; padding: 0 1.1rem; }
header { padding-top: 2.2rem; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; margin: 0 0 .5rem; letter-spacing: -.015em; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .9rem; letter-spacing: -.01em; }
h3 { font-size: 1.02rem; margin: 1.8rem 0 .6rem; }
h2 + h3, h2 + .plots h3 { margin-top: 0; }
p { margin: 0 0 .8rem; max-width: 42rem; }
.lead { color: var(--soft); font-size: 1.06rem; }
.note, small, figcaption { color: var(--soft); font-size: .85rem; line-height: 1.4; }
nav { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; font-size: .92rem; padding: .3rem 0 .2rem; }
a { color: var(--bar); text-decoration: none; }
a:hover { text-decoration: underline; }
section { border-top: 1px solid var(--line); margin-top: 1.8rem; padding: 1.6rem 0 .4rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .8rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .9rem 1.1rem 1rem; }
.card .label { font-size: .9rem; color: var(--soft); }
.card .value { font-size: 2rem; font-weight: 650; line-height: 1.2; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; }
.card .base { border-top: 1px solid var(--line); margin: .55rem 0 .25rem; padding-top: .5rem; font-size: .92rem; }
.card small { display: block; }
blockquote { margin: 1.3rem 0 .55rem; padding-left: .8rem; border-left: 3px solid var(--bar); max-width: 46rem; }
.faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.9rem, 1fr)); gap: .5rem; max-width: 62rem; }
figure { margin: 0; }
.faces img { width: 100%; max-width: 8rem; border-radius: .4rem; display: block; }
.faces figcaption { font-size: .75rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .9rem; }
.pair { display: grid; grid-template-columns: 6rem minmax(0, 1fr); gap: .9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .7rem; padding: .8rem; align-items: start; }
.pair img { width: 100%; border-radius: .4rem; display: block; }
.pair p { margin: 0 0 .3rem; line-height: 1.4; font-size: .95rem; }
.pair ul { margin: .1rem 0 0; padding-left: 1.1rem; color: var(--soft); font-size: .85rem; line-height: 1.4; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; }
.figures { font-size: .9rem; white-space: nowrap; }
.figures th, .figures td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
.figures thead th { color: var(--soft); font-size: .82rem; }
.figures th:first-child { position: sticky; left: 0; background: var(--page); }
.figures tfoot th, .figures tfoot td { font-weight: 650; border-bottom: 0; }
.small { width: 100%; font-size: .84rem; line-height: 1.3; }
.small th, .small td { padding: .12rem .4rem .12rem 0; vertical-align: baseline; }
.small th, .true { color: var(--soft); }
.num { text-align: right; white-space: nowrap; color: var(--soft); }
.wrong td, .mark { color: var(--wrong); }
.bar { display: inline-block; position: relative; width: 7rem; height: .62rem; margin-right: .6rem;
  background: var(--track); border-radius: .2rem; }
.bar span { position: absolute; inset: 0 auto 0 0; background: var(--bar); border-radius: .2rem; }
.bar i { position: absolute; top: -.14rem; bottom: -.14rem; width: .17rem; margin-left: -.08rem;
  background: var(--mark); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 1.4rem; }
.plot img { max-width: 100%; height: auto; display: block; }
.plots .plot img { width: 100%; max-width: 32rem; }
.plot.wide img { width: 100%; max-width: 48rem; border-radius: .4rem; }
section > .plot:not(.wide) img { max-width: min(100%, 56rem); }
.facts { font-size: .92rem; }
.facts th, .facts td { padding: .22rem 1.2rem .22rem 0; vertical-align: top; }
.facts th { color: var(--soft); white-space: nowrap; }
details { margin: .7rem 0; }
summary { cursor: pointer; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem; overflow-x: auto;
  font: .8rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 30rem) { .bar { width: 4.4rem; } .figures th, .figures td { padding-right: .7rem; }
  .pair { grid-template-columns: 5rem minmax(0, 1fr); } section { margin-top: 1.2rem; } }
@media print { nav { display: none; } section, .card, .pair { break-inside: avoid; } }
"""

"""Text <-> ids: SentencePiece, trained on the run's own captions, or BERT's WordPiece, which the original used.

Both lower-case the text. `encode` never returns special ids: the text "[SEP]" is split like any other text.
"""

import hashlib
import io
import itertools
import pathlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from t2f_jax.errors import UserError
from t2f_jax.io.file_kinds import foreign
from t2f_jax.io.files import decode, write_bytes
from t2f_jax.tokens.vocab import Vocab

SENTENCEPIECE_FILE = "text_tokenizer.model"
WORDPIECE_FILE = "vocab.txt"
SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]"}

_BYTE_FALLBACK_FROM = 2000  # pieces: in smaller vocabularies the 256 byte pieces would take too large a part
_CACHED = 1 << 16  # texts whose ids are cached: prompts, questions and answers occur again and again


class TextTokenizer(Protocol):
    """The interface of text tokenizers.

    Attributes:
      size: number of ids, special ones included.
      pad, unk, cls, sep: the special ids.
    """

    size: int
    pad: int
    unk: int
    cls: int
    sep: int

    @property
    def hash(self) -> str:
        """SHA-256 of the tokenizer's file: with other pieces ids have other meanings."""
        ...

    def encode(self, text: str) -> list[int]:
        """Text -> ids; the only special id among them is `unk`."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Ids -> text; special ids are dropped, pieces joined to words."""
        ...

    def save(self, folder: pathlib.Path) -> None:
        """Writes the tokenizer's file into an existing folder, under its fixed name."""
        ...


class _Ids(dict[str, tuple[int, ...]]):
    """Text -> ids, with a cache; a lookup in `functools.lru_cache` takes twice as long."""

    def __init__(self, encode: Callable[[str], Iterable[int]]):
        super().__init__()
        self._encode = encode

    def __missing__(self, text: str) -> tuple[int, ...]:
        if len(self) >= _CACHED:
            self.clear()
        ids = self[text] = tuple(self._encode(text))
        return ids


class SentencePiece:
    """A SentencePiece model in memory; see `TextTokenizer`."""

    def __init__(self, model: bytes, where: str = "text tokenizer"):
        """Takes a model file's bytes. Raises UserError, naming `where`, if they are no valid model or lack [CLS]."""
        import sentencepiece

        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise UserError(f"{where}: no SentencePiece model; {foreign(where) or error}") from error
        self.size = self._processor.GetPieceSize()
        ids = {name: self._processor.PieceToId(piece) for name, piece in SPECIAL.items()}
        for name, piece in SPECIAL.items():
            if self._processor.IdToPiece(ids[name]) != piece:
                raise UserError(f"{where}: the SentencePiece model has no piece {piece}; train it with this program")
        self.pad, self.unk, self.cls, self.sep = ids.values()
        self._ids = _Ids(lambda text: self._processor.EncodeAsIds(_well_formed(text)))
        self._has_words = _has_words(self._processor)

    def __reduce__(self) -> tuple:
        """Pickles and copies by the file's bytes."""
        return type(self), (self.model,)

    @classmethod
    def load(cls, path: pathlib.Path) -> "SentencePiece":
        """Reads a model file. Raises UserError if it is missing or broken."""
        return cls(_read(path), str(path))

    @property
    def hash(self) -> str:
        """See `TextTokenizer`."""
        return hashlib.sha256(self.model).hexdigest()

    def encode(self, text: str) -> list[int]:
        """See `TextTokenizer`. If no piece contains a blank, each word is split, or looked up, by itself."""
        if self._has_words and text.isascii():
            return list(itertools.chain.from_iterable(map(self._ids.__getitem__, text.split(" "))))
        return list(self._ids[text])

    def decode(self, ids: Sequence[int]) -> str:
        """See `TextTokenizer`."""
        special = (self.pad, self.unk, self.cls, self.sep)
        return self._processor.DecodeIds([int(i) for i in ids if i not in special])

    def save(self, folder: pathlib.Path) -> None:
        """See `TextTokenizer`."""
        write_bytes(folder / SENTENCEPIECE_FILE, self.model)


def _has_words(processor: Any) -> bool:
    """Whether no piece of a SentencePiece model contains a blank, and blanks only separate words."""
    try:
        pieces = [processor.IdToPiece(i) for i in range(processor.GetPieceSize())]
    except UnicodeDecodeError:  # a damaged piece
        return False
    whole, *words = (processor.EncodeAsIds(text) for text in (" a  b ", "a", "b"))
    return not any("\u2581" in piece[1:] for piece in pieces) and whole == words[0] + words[1]


def train_sentencepiece(
    sentences: Iterable[str], vocab_size: int, seed: int = 0, phrases: Sequence[str] = ()
) -> SentencePiece:
    """Trains a byte-pair model (Sennrich et al. 2016); the same sentences and seed give the same bytes.

    Text is lower-cased NFKC, every digit is its own piece outside of `phrases`, and large vocabularies have bytes for
    unknown characters. Byte pairs make whole pieces of the few hundred words in labels and written captions.
    SentencePiece's unigram model takes its first pieces from what *different* words share, so that "color" stays in
    three pieces and captions become 1.5 times as long.

    Args:
      sentences: captions, prompts, questions and answers.
      vocab_size: upper bound of the number of pieces; few sentences give fewer.
      seed: for choosing a million sentences, if there are more.
      phrases: words, groups of words or numbers that are always one piece at the start of a word ("not hat", "34").

    Raises:
      UserError: nothing to train on, or a vocabulary too small for the letters of the sentences.
    """
    import sentencepiece

    corpus = [sentence for sentence in sentences if sentence.strip()]
    if not corpus:
        raise UserError("no sentences to train the text tokenizer on; give data with captions or attributes")
    sentencepiece.set_random_generator_seed(seed)
    writer = io.BytesIO()
    special: dict[str, Any] = {}
    for i, (theirs, piece) in enumerate(zip(("pad", "unk", "bos", "eos"), SPECIAL.values())):
        special |= {f"{theirs}_id": i, f"{theirs}_piece": piece}
    if digits := set("".join(filter(str.isdigit, phrases))):  # given without any, the file would have other bytes
        special["required_chars"] = "".join(sorted(digits))  # of "250", "25" leaves a "0"
    try:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=iter(corpus),
            model_writer=writer,
            model_type="bpe",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            split_digits=True,
            byte_fallback=vocab_size >= _BYTE_FALLBACK_FROM,
            character_coverage=1.0,
            normalization_rule_name="nmt_nfkc_cf",
            input_sentence_size=1_000_000,
            num_threads=1,
            minloglevel=2,
            user_defined_symbols=["\u2581" + "\u2581".join(phrase.split()) for phrase in phrases],
            **special,
        )
    except RuntimeError as error:
        reason = str(error).split("] ")[-1].split(". ")[0]
        message = f"a text tokenizer of {vocab_size} pieces cannot be trained on {len(corpus)} sentences ({reason})"
        raise UserError(f"{message}; set text.vocab_size higher") from error
    return SentencePiece(writer.getvalue())


class WordPiece:
    """BERT's uncased tokenizer over a vocabulary file (one piece per line; its number is the id); see `TextTokenizer`.

    It drops control characters, strips accents, splits off CJK characters and punctuation, then takes the longest
    matching pieces; words of more than 200 characters are unknown. Source: `utils/tokenizers.py` of the original.
    """

    def __init__(self, data: bytes, where: str = "WordPiece vocabulary"):
        """Takes a vocabulary file's bytes. Raises UserError, naming `where`, if they are no valid vocabulary."""
        try:
            import tokenizers
            from tokenizers import decoders, models, normalizers, pre_tokenizers
        except ImportError as error:
            raise UserError(f"{where}: WordPiece needs one more package; pip install 't2f_jax[wordpiece]'") from error

        try:
            text = decode(data)
        except ValueError as error:
            reason = foreign(where) or error
            raise UserError(f"{where}: no text ({reason}); a WordPiece vocabulary has a piece a line") from None
        if "\n" not in text:
            text = text.replace("\r", "\n")  # line ends of old Macs
        pieces = [line.strip(" \t\r") for line in text.removesuffix("\n").split("\n")]  # no piece contains a blank
        self.data = ("\n".join(pieces) + "\n").encode()
        ids: dict[str, int] = {}
        for i, piece in enumerate(pieces):
            if ids.setdefault(piece, i) != i:
                raise UserError(
                    f"{where}: line {i + 1} repeats '{piece}' of line {ids[piece] + 1}; every piece is listed once"
                )
        missing = [piece for piece in SPECIAL.values() if piece not in ids]
        if missing:
            reason = foreign(where) or f"{' '.join(missing)} missing; each needs a line of its own"
            raise UserError(f"{where}: no WordPiece vocabulary, {reason}")
        self.size = len(pieces)
        self.pad, self.unk, self.cls, self.sep = (ids[piece] for piece in SPECIAL.values())
        self._pieces, self._decoder = pieces, decoders.WordPiece(cleanup=True)
        tokenizer = tokenizers.Tokenizer(models.WordPiece(ids, unk_token=SPECIAL["unk"], max_input_chars_per_word=200))
        tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=True, lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._ids = _Ids(lambda word: tokenizer.encode(_well_formed(word)).ids)

    def __reduce__(self) -> tuple:
        """Pickles and copies by the file's bytes."""
        return type(self), (self.data,)

    @classmethod
    def load(cls, vocab_file: pathlib.Path) -> "WordPiece":
        """Reads a vocabulary file. Raises UserError if it is missing or broken."""
        return cls(_read(vocab_file), str(vocab_file))

    @property
    def hash(self) -> str:
        """See `TextTokenizer`."""
        return hashlib.sha256(self.data).hexdigest()

    def encode(self, text: str) -> list[int]:
        """See `TextTokenizer`. Each word is split, or looked up, by itself: no piece contains a blank."""
        return list(itertools.chain.from_iterable(map(self._ids.__getitem__, text.split(" "))))

    def decode(self, ids: Sequence[int]) -> str:
        """See `TextTokenizer`; "capt ##ion" gives "caption", "34 - year - old" gives "34-year-old"."""
        special = (self.pad, self.unk, self.cls, self.sep)
        text = self._decoder.decode([self._pieces[int(i)] for i in ids if i not in special])
        return re.sub(r"(?<=\w) - (?=\w)", "-", text)

    def save(self, folder: pathlib.Path) -> None:
        """See `TextTokenizer`."""
        write_bytes(folder / WORDPIECE_FILE, self.data)


def load(folder: pathlib.Path) -> TextTokenizer:
    """Loads the tokenizer from its file in a folder. Raises UserError if the file is missing or broken."""
    if (folder / SENTENCEPIECE_FILE).is_file():
        return SentencePiece.load(folder / SENTENCEPIECE_FILE)
    if (folder / WORDPIECE_FILE).is_file():
        return WordPiece.load(folder / WORDPIECE_FILE)
    raise UserError(f"{folder}: no text tokenizer; a {SENTENCEPIECE_FILE} or a {WORDPIECE_FILE} should lie there")


def vocab(tokenizer: TextTokenizer, image_size: int) -> Vocab:
    """The joint id space of a text tokenizer and a codebook of `image_size` codes."""
    return Vocab(tokenizer.size, image_size, tokenizer.pad, tokenizer.unk, tokenizer.cls, tokenizer.sep)


def _well_formed(text: str) -> str:
    """Replaces what has no UTF-8, such as an invalid byte from the command line, by "?"."""
    return text.encode("utf-8", "replace").decode()


def _read(path: pathlib.Path) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; a text tokenizer should lie there") from None
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); a text tokenizer's file should lie there"
        ) from error

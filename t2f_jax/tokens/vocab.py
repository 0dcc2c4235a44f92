"""The joint id space: text ids (with special tokens), then image codes. The only module that knows specific ids.

0 .. text_size-1                       text pieces, [PAD] [UNK] [CLS] [SEP] among them
text_size .. text_size+image_size-1    image codes: code k has id text_size + k
"""

import dataclasses

import numpy as np

from t2f_jax.errors import WrongArgument

ORIGINAL_TEXT_SIZE = 30_522  # of the released model's vocabulary, and the places of [PAD] [UNK] [CLS] [SEP] in it
ORIGINAL_SPECIAL = (0, 100, 101, 102)


@dataclasses.dataclass(frozen=True)
class Vocab:
    """Sizes and special ids of the joint vocabulary.

    Attributes:
      text_size: number of text ids, special ones included.
      image_size: number of image codes (the codebook's size).
      pad, unk, cls, sep: the special ids, all below `text_size`.
    """

    text_size: int
    image_size: int
    pad: int = 0
    unk: int = 1
    cls: int = 2
    sep: int = 3

    @property
    def size(self) -> int:
        """Number of ids: text and image together."""
        return self.text_size + self.image_size

    @property
    def image_span(self) -> tuple[int, int]:
        """(first id, number of ids) of the image ids."""
        return self.text_size, self.image_size

    @property
    def text_span(self) -> tuple[int, int]:
        """(first id, number of ids) of the text ids, special ones included; see `text_allowed`."""
        return 0, self.text_size

    def image_ids(self, codes: np.ndarray) -> np.ndarray:
        """Image codes (any shape, 0..image_size-1) -> ids of the same shape, int32.

        Raises:
          WrongArgument: a code lies outside the codebook.
        """
        codes = np.asarray(codes)
        if codes.dtype != np.uint16:  # the type in a store
            codes = np.asarray(codes, np.int32)
        unsigned = codes.view(np.uint32) if codes.dtype == np.int32 else codes  # a negative code becomes very large
        if codes.size and unsigned.max() >= self.image_size:
            raise WrongArgument(f"image codes must lie in 0..{self.image_size - 1}, got {codes.min()}..{codes.max()}")
        return np.add(codes, self.text_size, dtype=np.int32)

    def codes(self, ids: np.ndarray) -> np.ndarray:
        """Ids of an image span -> codes, int32. Raises ValueError if an id is no image id."""
        codes = np.asarray(ids, np.int32) - self.text_size
        if codes.size and (codes.min() < 0 or codes.max() >= self.image_size):
            raise ValueError("a text id is in an image span")
        return codes

    def text_allowed(self) -> np.ndarray:
        """bool [text_size]: the text ids that an answer may hold: all pieces and [SEP], but no other special ids."""
        allowed = np.ones(self.text_size, bool)
        allowed[[self.pad, self.unk, self.cls]] = False
        return allowed

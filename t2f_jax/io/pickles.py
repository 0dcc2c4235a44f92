"""Reads a pickle of torch.save as inert data: plain values are rebuilt, and nothing is imported or called.

`pickle.Unpickler` is not used, even restricted by `find_class`: it calls the functions that a pickle names, but a file
of unknown origin must not run anything here. The opcodes come from `pickletools.genops`; `_Machine` executes them. A
name in a pickle ("torch._utils _rebuild_tensor_v2", "posix system") becomes a `Global`, which only stores the name.
A call of one of the few functions that make tensors becomes a `Tensor`, a description without data; any other call
becomes an `Opaque`, and its name is listed. Values are shared, never copied, so memory grows only with the pickle's
length.
"""

import dataclasses
import io
import pickletools

from t2f_jax.errors import UserError
from t2f_jax.io.pickle_values import Global, Opaque, Storage, Tensor
from t2f_jax.io.zip_files import shown

LONGEST = 1 << 25  # bytes of a pickle, which does not contain the tensors' values
MOST_OPCODES = 1 << 20  # about 30 per tensor
MOST_AXES = 32

_TENSORS = {
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch.Size",
    "collections.OrderedDict",
    "torch.storage.UntypedStorage",
    "torch.UntypedStorage",
}
STORAGES = {  # storage class -> name of its values' type
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
READABLE = {*STORAGES.values(), "uint16", "uint32", "uint64"}  # names of types that can be read
_OTHER_STORAGES = {
    **{"ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128"},
    **{"QInt8Storage": "qint8", "QUInt8Storage": "quint8", "QInt32Storage": "qint32"},
    **{"QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4"},
}
_OTHER = {*_OTHER_STORAGES.values(), "complex32", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"}
_DTYPES = READABLE | _OTHER
KNOWN = _TENSORS | {f"torch.{name}" for name in (*STORAGES, *_OTHER_STORAGES, *_DTYPES)}


class Broken(Exception):
    """The pickle is inconsistent, or contains something that torch does not write."""


@dataclasses.dataclass(frozen=True)
class Described:
    """What a pickle describes.

    Attributes:
      value: made of None, bool, int, float, str, bytes, tuple, list, dict, `Tensor`, `Global` and `Opaque`.
      unknown: the unknown names in it, in order.
      storages: key -> storage, for all that it names.
    """

    value: object
    unknown: list[str]
    storages: dict[str, Storage]


def load(data: bytes, where: str) -> Described:
    """What a pickle describes.

    Raises:
      UserError: a truncated, damaged or unreasonably large pickle; `where` names it.
    """
    if len(data) > LONGEST:
        raise UserError(f"{where}: a pickle of {len(data)} bytes, far more than describes any model's tensors")
    return load_from(io.BytesIO(data), where)


def load_from(file: io.BytesIO, where: str) -> Described:
    """As `load`, for the pickle at the position of `file`; afterwards the position is after the pickle."""
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > MOST_OPCODES:
                raise Broken(f"more than {MOST_OPCODES} opcodes")
            machine.step(opcode.name, argument)
        (value,) = machine.stack
    except (Broken, ValueError, IndexError, KeyError, OverflowError) as error:
        raise UserError(f"{where}: a damaged pickle ({type(error).__name__}: {shown(str(error))})") from None
    return Described(value, list(machine.unknown), machine.storages)


class _Machine:
    """The stack, the marked stacks below it, and the memo, as in `pickle.Unpickler`.

    Values are of the types that `load` returns; opcode NAME is executed by the method `_name`.
    """

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marked: list[list[object]] = []
        self.memo: dict[object, object] = {}
        self.unknown: dict[str, None] = {}
        self.storages: dict[str, Storage] = {}

    def step(self, name: str, argument: object) -> None:
        """Executes one opcode."""
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[argument] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memo[argument])
        else:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise Broken(f"opcode {name}, which torch files do not have")
            method() if argument is None else method(argument)

    def _mark_slice(self) -> list[object]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def _stop(self) -> None:
        if self.marked:
            raise Broken("it ends inside a mark")

    def _mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def _pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._mark_slice()

    def _pop_mark(self) -> None:
        self._mark_slice()

    def _dup(self) -> None:
        self.stack.append(self.stack[-1])

    def _proto(self, _: int) -> None: ...

    def _frame(self, _: int) -> None: ...

    def _memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _tuple1(self) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def _tuple2(self) -> None:
        self._tuple_of(2)

    def _tuple3(self) -> None:
        self._tuple_of(3)

    def _tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise Broken("the stack is empty")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _tuple(self) -> None:
        items = self._mark_slice()  # first, because it replaces `self.stack`
        self.stack.append(tuple(items))

    _frozenset = _tuple

    def _list(self) -> None:
        items = self._mark_slice()
        self.stack.append(items)

    def _dict(self) -> None:
        items = self._mark_slice()
        self.stack.append({})
        self._set(items)

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self._mark_slice())

    _additems = _appends

    def _extend(self, items: list[object]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _setitems(self) -> None:
        self._set(self._mark_slice())

    def _set(self, items: list[object]) -> None:
        if len(items) % 2:
            raise Broken("a key without a value")
        if isinstance(self.stack[-1], dict):
            for key, value in zip(items[::2], items[1::2]):
                self.stack[-1][_key(key)] = value

    def _global(self, name: str) -> None:
        self._name(name.replace(" ", ".", 1))

    def _stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise Broken("a name that is no text")
        self._name(f"{module}.{name}")

    def _name(self, name: str) -> None:
        if name not in KNOWN:
            self.unknown[name] = None
        self.stack.append(Global(name))

    def _reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(_call(function, arguments))

    _newobj = _reduce

    def _newobj_ex(self) -> None:
        self.stack.pop()
        self._reduce()

    def _obj(self) -> None:
        items = self._mark_slice()
        self.stack.append(_call(items[0], tuple(items[1:])))

    def _inst(self, name: str) -> None:
        items = self._mark_slice()
        self._global(name)
        self.stack.append(_call(self.stack.pop(), tuple(items)))

    def _build(self) -> None:
        """Drops an object's state, where torch stores the versions of its modules."""
        self.stack.pop()
        if not self.stack:
            raise Broken("the stack is empty")

    def _binpersid(self) -> None:
        identity = self.stack.pop()
        if not (isinstance(identity, tuple) and len(identity) in (5, 6) and identity[0] == "storage"):
            raise Broken("a persistent id that is no storage")
        _, kind, key, _, _, *view = identity
        if view not in ([], [None]):  # only files written before torch 1.6 have a sixth value
            raise Broken("a storage that is a part of another one")
        if not isinstance(key, str) or not isinstance(kind, Global):
            raise Broken("a storage without a key or a type")
        dtype = (STORAGES | _OTHER_STORAGES).get(kind.name.removeprefix("torch."))
        storage = Storage(key, dtype)
        if self.storages.setdefault(key, storage) != storage:
            raise Broken("a storage of two types")
        self.stack.append(storage)


_PUSHES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}


def _key(value: object) -> object:
    """A dictionary key that hashes fast, even a hostile one; a value of any other type becomes a key of its own."""
    if value is None or isinstance(value, (str, bytes, bool, Opaque)):
        return value
    return value if type(value) is int and abs(value) < 1 << 60 else Opaque(type(value).__name__)


def _call(function: object, arguments: object) -> object:
    """The description of a call's result; nothing is called."""
    if not isinstance(function, Global) or function.name not in _TENSORS:
        return Opaque(function.name if isinstance(function, (Global, Opaque)) else type(function).__name__)
    if not isinstance(arguments, tuple):
        raise Broken(f"{function.name} without arguments")
    name = function.name.rpartition(".")[2]
    if name == "OrderedDict" and len(arguments) <= 1:
        return _ordered(*arguments)
    if name == "Size" and len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
        return tuple(arguments[0][: MOST_AXES + 1])
    if name == "_rebuild_parameter" and arguments and isinstance(arguments[0], (Tensor, Opaque)):
        return arguments[0]
    if name == "_rebuild_tensor" and len(arguments) == 4:
        return _tensor(*arguments, None)
    if name in ("_rebuild_tensor_v2", "_rebuild_tensor_v3") and len(arguments) >= 6:
        dtype = arguments[6] if name.endswith("3") and len(arguments) > 6 else None
        return _tensor(*arguments[:4], dtype)
    raise Broken(f"{function.name} with other arguments than torch's")


def _ordered(pairs: object = None) -> dict[object, object]:
    """Without pairs, or from a list of them as Python 2 wrote it, which is emptied: it is used only once."""
    if not isinstance(pairs, list):
        return {}
    found = {_key(pair[0]): pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2}
    pairs.clear()
    return found


def _tensor(storage: object, offset: object, shape: object, strides: object, dtype: object) -> Tensor:
    if not isinstance(storage, Storage):
        raise Broken("a tensor without a storage")
    kind = dtype.name.removeprefix("torch.") if isinstance(dtype, Global) else storage.dtype
    if kind not in _DTYPES:
        raise Broken(f"a tensor of an unknown type {kind}")
    if not (isinstance(shape, (tuple, list)) and isinstance(strides, (tuple, list)) and len(shape) == len(strides)):
        raise Broken("a tensor whose shape and strides disagree")
    are_sizes = all(type(n) is int and 0 <= n < 1 << 62 for n in (offset, *shape, *strides))
    if not isinstance(offset, int) or len(shape) > MOST_AXES or not are_sizes:
        raise Broken("a tensor whose shape, strides or offset are no sizes")
    return Tensor(storage, kind, offset, tuple(shape), tuple(strides))

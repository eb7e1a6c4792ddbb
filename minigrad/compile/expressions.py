"""What the NumPy writer says of an array: its type, and which part of another it is."""

from .plan import Array, Part

__all__ = ["dtype_of", "one_line", "part_of", "shape_of", "type_of"]


def dtype_of(array: Array) -> str:
    return f"np.{array.type.dtype.name}"


def shape_of(array: Array) -> str:
    return str(array.type.shape)


def type_of(array: Array) -> str:
    return f"{shape_of(array)}, {dtype_of(array)}"


def part_of(array: Array, part: Part, whole: str) -> str:
    """The expression for a part of an array."""
    sizes = part.of.type.shape
    if part.axis == 0 and part.stop - part.start == 1 and array.type.shape == sizes[1:]:
        return f"{whole}[{part.start}]"
    slices = f"{whole}[{':, ' * part.axis}{part.start}:{part.stop}]"
    whole_part = (*sizes[: part.axis], part.stop - part.start, *sizes[part.axis + 1 :])
    return slices if whole_part == array.type.shape else f"{slices}.reshape({shape_of(array)})"


def one_line(text: str) -> str:
    """A user's name as part of a comment: whatever is in it, the comment ends with its line."""
    return " ".join(text.split())

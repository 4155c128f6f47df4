"""Storage and Array: flat memory with a version, and a strided window onto it. What devices compute on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.layout import Layout, Shape, contiguous_strides

if TYPE_CHECKING:
    from tinytorch.devices.interface import Device
    from tinytorch.dtypes import dtype as Dtype


class Storage:
    """Memory that several arrays may share, and how often it was written to."""

    __slots__ = ("buffer", "version", "writer")

    writer: str  # the operation that wrote last; absent until there is one

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer
        self.version = 0

    def bump(self, writer: str) -> None:
        """Note that `writer` has changed the contents in place."""
        self.version += 1
        self.writer = writer


class Array:
    """A device's storage seen through a layout.

    `host` is what the device computes with (for the CPU a NumPy array over the same memory).
    Of `layout` and `host` one is given; the other is made when first asked for, since a result
    rarely needs its layout and a view may never be computed with. So is the storage of a result
    that nobody has viewed or written to yet.
    """

    __slots__ = ("device", "dtype", "host", "layout", "shape", "stored")

    stored: Storage | None
    layout: Layout
    host: Any
    shape: Shape  # the size of each axis

    device: Device
    dtype: Dtype

    @staticmethod
    def over(device: Device, storage: Storage, dtype: Dtype) -> Array:
        """An array over a storage; its layout or its host is still to be given.

        There is no `__init__`: most arrays are results, whose makers fill the slots in, and a class without one is
        called in two thirds of the time.
        """
        made = Array()
        made.device, made.stored, made.dtype = device, storage, dtype
        return made

    @property
    def storage(self) -> Storage:
        """The memory, which other arrays may share."""
        if self.stored is None:
            self.stored = Storage(self.host)
        return self.stored

    @property
    def version(self) -> int:
        """How often the memory was written to in place."""
        return 0 if self.stored is None else self.stored.version

    def __getattr__(self, name: str) -> Any:
        # Reached only while a slot is empty.
        if name == "layout":
            self.layout = self.device.layout_of(self)
            return self.layout
        if name == "host":
            self.host = self.device.strided(self)
            return self.host
        raise AttributeError(name)

    @property
    def size(self) -> int:
        """How many elements it shows."""
        return self.layout.size

    def view(self, layout: Layout) -> Array:
        """The same storage under another layout. Nothing is copied."""
        seen = Array.over(self.device, self.storage, self.dtype)
        seen.layout = layout
        seen.shape = layout.shape
        return seen

    def reshape(self, shape: Shape) -> Array:
        """A view where one exists, a contiguous copy where none does."""
        layout = self.layout.view(shape)
        if layout is not None:
            return self.view(layout)
        return self.copy().view(Layout(shape, contiguous_strides(shape)))

    def copy(self) -> Array:
        """The same values in new memory, contiguous."""
        made = self.device.empty(self.layout.shape, self.dtype)
        return self.device.map(0, self, out=made)

    def cast(self, dtype: Dtype) -> Array:
        """The same values as another type, in new memory."""
        made = self.device.empty(self.layout.shape, dtype)
        return self.device.map(0, self, out=made)

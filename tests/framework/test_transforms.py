"""Transforms of images against NumPy, PyTorch's interpolation, and what a picture must look like afterwards."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch import transforms
from tinytorch.datasets import FashionMNISTSubset
from tinytorch.transforms import functional as F
from tinytorch.utils.data import DataLoader

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (5, 7, 3), np.uint8)  # (row, column, channel)
FORMS = {
    "colour array": (PICTURE, lambda x: x),
    "grey array": (PICTURE[:, :, 0], lambda x: x),
    "colour tensor": (
        tt.from_numpy(PICTURE.transpose(2, 0, 1).copy()),
        lambda x: x.numpy().transpose(1, 2, 0),
    ),
    "grey tensor": (tt.from_numpy(PICTURE[:, :, 0].copy()), lambda x: x.numpy()),
    "floats": (tt.from_numpy(PICTURE.transpose(2, 0, 1) / 255), lambda x: x.numpy().transpose(1, 2, 0)),
}


@pytest.fixture(params=FORMS)
def form(request):
    image, plain = FORMS[request.param]
    return image, plain, plain(image)


def test_to_tensor_puts_channels_first_and_bytes_between_0_and_1():
    x = transforms.ToTensor()(PICTURE)
    assert x.shape == (3, 5, 7) and x.dtype is tt.float32 and x.is_contiguous()
    np.testing.assert_allclose(x.numpy(), PICTURE.transpose(2, 0, 1) / 255, rtol=1e-6)
    assert transforms.ToTensor()(PICTURE[:, :, 0]).shape == (1, 5, 7)
    y = transforms.ToTensor()(PICTURE.astype(np.float64))
    assert y.dtype is tt.float64 and y.max().item() == PICTURE.max()
    for stranger in (tt.ones(2, 2), [1], np.ones(3)):
        with pytest.raises(TypeError, match="pic should be an ndarray"):
            transforms.ToTensor()(stranger)


def test_to_tensor_takes_no_memory_of_the_image():
    image = np.ones((2, 2))
    transforms.ToTensor()(image)[0, 0, 0] = 5
    assert image[0, 0] == 1


def test_normalize_makes_each_channel_its_own():
    x = transforms.ToTensor()(PICTURE)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    y = transforms.Normalize(mean, std)(x)
    np.testing.assert_allclose(
        y.numpy(), (x.numpy() - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1)), rtol=1e-5
    )
    assert transforms.Normalize(mean, std, inplace=True)(x) is x and (x == y).all()
    for image, std, error in (
        (tt.ones(1, 2, 2).long(), (1.0,), TypeError),
        (tt.ones(2, 2), (1.0,), ValueError),
        (tt.ones(1, 2, 2), (0.0,), ValueError),
    ):
        with pytest.raises(error, match=r"float tensor|tensor image|zero"):
            transforms.Normalize((0.0,), std)(image)


def test_flips_turn_rows_and_columns(form):
    image, plain, pixels = form
    assert type(F.hflip(image)) is type(image)
    np.testing.assert_array_equal(plain(F.hflip(image)), pixels[:, ::-1])
    np.testing.assert_array_equal(plain(F.vflip(image)), pixels[::-1])
    np.testing.assert_array_equal(plain(transforms.RandomHorizontalFlip(1.0)(image)), pixels[:, ::-1])
    assert transforms.RandomVerticalFlip(0.0)(image) is image


def test_crops_cut_rectangles_and_are_black_outside(form):
    image, plain, pixels = form
    np.testing.assert_array_equal(plain(F.crop(image, 1, 2, 3, 4)), pixels[1:4, 2:6])
    beyond = plain(F.crop(image, -1, -2, 7, 12))
    assert (
        beyond.shape[:2] == (7, 12)
        and not beyond[0].any()
        and not beyond[:, :2].any()
        and not beyond[:, 9:].any()
    )
    np.testing.assert_array_equal(beyond[1:6, 2:9], pixels)
    np.testing.assert_array_equal(plain(transforms.CenterCrop(3)(image)), pixels[1:4, 2:5])
    larger = plain(transforms.CenterCrop((7, 9))(image))
    np.testing.assert_array_equal(larger[1:6, 1:8], pixels)
    assert larger.shape[:2] == (7, 9) and not larger[0].any()


@pytest.mark.parametrize("mode", F.MODES)
@pytest.mark.parametrize(
    ("padding", "around"),
    [(2, (2, 2, 2, 2)), ((1, 2), (1, 2, 1, 2)), ((1, 2, 3, 0), (1, 2, 3, 0)), ([2], (2, 2, 2, 2))],
)
def test_pads_are_those_of_numpy(form, mode, padding, around):
    image, plain, pixels = form
    left, top, right, bottom = around
    widths = [(top, bottom), (left, right)] + [(0, 0)] * (pixels.ndim - 2)
    np.testing.assert_array_equal(
        plain(F.pad(image, padding, padding_mode=mode)), np.pad(pixels, widths, mode)
    )


def test_random_crops_come_from_everywhere_and_a_seed_brings_them_back():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    cut = transforms.RandomCrop(2)
    tt.manual_seed(0)
    corners = [int(cut(image)[0, 0]) for _ in range(300)]
    assert set(corners) == {0, 1, 2, 4, 5, 6, 8, 9, 10}
    tt.manual_seed(0)
    assert [int(cut(image)[0, 0]) for _ in range(300)] == corners
    padded = transforms.RandomCrop(4, padding=1)
    assert {padded(image).tobytes() for _ in range(200)} > {image.tobytes()}
    with pytest.raises(ValueError, match=r"crop size \(5, 4\) is larger than input image size \(4, 4\)"):
        transforms.RandomCrop((5, 4))(image)
    assert transforms.RandomCrop((5, 9), pad_if_needed=True, fill=7)(image).shape == (5, 9)


def test_half_of_the_images_are_flipped():
    tt.manual_seed(1)
    flip = transforms.RandomHorizontalFlip()
    count = sum(flip(PICTURE) is not PICTURE for _ in range(400))
    assert 150 < count < 250
    apply = transforms.RandomApply(
        [transforms.Lambda(lambda x: x + 1), transforms.Lambda(lambda x: x * 2)], 0.25
    )
    assert 60 < sum(apply(1) == 4 for _ in range(400)) < 140


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_resized_images_are_those_of_pytorch(rows, columns, height, width, antialias):
    width += antialias  # for a width of 1, PyTorch 2.13 takes all rows from the first when it antialiases
    x = np.random.default_rng(rows * columns).normal(size=(2, rows, columns)).astype("f4")
    smooth = torch.nn.functional.interpolate(
        torch.from_numpy(x)[None], (height, width), mode="bilinear", antialias=antialias
    )
    ours = F.resize(tt.from_numpy(x), (height, width), antialias=antialias)
    np.testing.assert_allclose(ours.numpy(), smooth[0].numpy(), rtol=1e-4, atol=1e-5)
    near = torch.nn.functional.interpolate(torch.from_numpy(x)[None], (height, width), mode="nearest")
    nearest = F.resize(tt.from_numpy(x), (height, width), transforms.InterpolationMode.NEAREST)
    np.testing.assert_array_equal(nearest.numpy(), near[0].numpy())


def test_one_number_is_the_shorter_side_and_bytes_stay_bytes():
    assert transforms.Resize(10)(PICTURE).shape == (10, 14, 3)
    assert transforms.Resize([10])(PICTURE.transpose(1, 0, 2)).shape == (14, 10, 3)
    small = transforms.Resize((2, 2))(PICTURE)
    assert small.dtype == np.uint8
    exact = F.resize(PICTURE.astype("f8"), (2, 2))
    assert np.abs(small - exact).max() <= 0.5
    for wrong in (
        lambda: F.resize(PICTURE, 3, "cubic"),
        lambda: transforms.Resize(3, max_size=4),
        lambda: F.pad(PICTURE, (1, 2, 3)),
        lambda: F.pad(PICTURE, 1, padding_mode="wrap"),
    ):
        with pytest.raises(ValueError, match=r"unknown|max_size|element tuple|Padding mode"):
            wrong()
    with pytest.raises(TypeError, match=r"not a ndarray of shape \(3,\)"):
        F.hflip(np.ones(3))


def test_what_transforms_are_is_written_as_in_torchvision():
    chain = transforms.Compose([
        transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.Resize(8), transforms.Pad(1),
        transforms.CenterCrop(4), transforms.Lambda(abs), transforms.ToTensor(), transforms.Normalize((0.5,), (0.2,)),
    ])  # fmt: skip
    assert repr(chain) == (
        "Compose(\n    RandomCrop(size=(32, 32), padding=4)\n    RandomHorizontalFlip(p=0.5)\n"
        "    Resize(size=8, interpolation=bilinear, max_size=None, antialias=True)\n"
        "    Pad(padding=1, fill=0, padding_mode=constant)\n    CenterCrop(size=(4, 4))\n    Lambda()\n    ToTensor()\n"
        "    Normalize(mean=(0.5,), std=(0.2,))\n)"
    )
    with pytest.raises(TypeError, match="callable"):
        transforms.Lambda(3)


@pytest.mark.parametrize("workers", [0, 2])
def test_augmented_batches_of_clothes_are_the_same_for_a_seed(workers):
    chain = transforms.Compose([
        transforms.RandomCrop(28, padding=2), transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize((0.286,), (0.353,)),
    ])  # fmt: skip
    tt.manual_seed(5)
    images, labels = next(
        iter(DataLoader(FashionMNISTSubset(transform=chain), 16, shuffle=True, num_workers=workers))
    )
    assert images.shape == (16, 1, 28, 28) and images.dtype is tt.float32 and labels.dtype is tt.int64
    tt.manual_seed(5)
    again, _ = next(iter(DataLoader(FashionMNISTSubset(transform=chain), 16, shuffle=True)))
    assert (images == again).all()

"""The data that ships."""

from collections import Counter
from importlib.resources import files

import pytest

import tinytorch as tt
from tinytorch.datasets import Digits, FashionMNISTSubset, Names, Shakespeare
from tinytorch.text import gpt2


def test_digits_are_all_there_once():
    train, held_out = Digits(train=True), Digits(train=False)
    assert (len(train), len(held_out)) == (1437, 360)
    images = tt.cat([train.images, held_out.images])
    assert images.shape == (1797, 8, 8) and images.dtype is tt.float32
    # of the 1,797 images in the file no two are equal
    assert len({image.numpy().tobytes() for image in images}) == 1797


def test_digits_agree_with_the_published_counts():
    labels = tt.cat([Digits(train=True).labels, Digits(train=False).labels])
    # scikit-learn's description of the same file
    published = {0: 178, 1: 182, 2: 177, 3: 183, 4: 181, 5: 182, 6: 181, 7: 179, 8: 174, 9: 180}
    assert Counter(labels.tolist()) == published


def test_digits_lie_between_zero_and_one_in_sixteenths():
    images = Digits(train=True).images
    assert images.min().item() == 0.0 and images.max().item() == 1.0
    assert ((images * 16).round() == images * 16).all()


def test_the_split_is_always_the_same_and_holds_out_every_digit():
    first, second = Digits(train=False), Digits(train=False)
    assert (first.images == second.images).all()
    assert min(Counter(first.labels.tolist()).values()) >= 25
    assert first.labels[:8].tolist() == LABELS


def test_a_sample_is_an_image_and_its_label():
    image, label = Digits(train=True)[0]
    assert image.shape == (8, 8) and label.shape == () and label.dtype is tt.int64


def test_shakespeare_is_whole_and_split_as_others_split_it():
    train, held_out = Shakespeare(train=True), Shakespeare(train=False)
    assert (len(train), len(held_out)) == (1_003_854, 111_540)  # the counts that nanoGPT prints
    assert train.alphabet == held_out.alphabet and len(train.alphabet) == 65
    # the counts of GPT-2's tokens that nanoGPT's prepare.py states
    assert [len(gpt2().encode(part.text)) for part in (train, held_out)] == [301_966, 36_059]
    assert train.ids.dtype is tt.int64 and train.decode(held_out.ids) == held_out.text
    for foreign in ("~", "é", "a\x00"):
        with pytest.raises(ValueError, match="not in the alphabet"):
            train.encode(foreign)


def test_names_are_there_once_and_always_split_alike():
    train, held_out = Names(train=True), Names(train=False)
    assert len(set(train) | set(held_out)) == len(train) + len(held_out) == 8422
    assert list(Names(train=False)) == list(held_out)
    assert all(name.strip() == name and name for name in train)


LABELS = [4, 5, 0, 3, 1, 6, 3, 6]  # as drawn in the first version: a change would mix old runs and new


def test_the_subset_of_fashion_mnist_has_as_many_of_each_class():
    train, held_out = FashionMNISTSubset(), FashionMNISTSubset(train=False)
    assert set(Counter(train.targets.tolist()).values()) == {600}
    assert set(Counter(held_out.targets.tolist()).values()) == {100}
    assert train.data.shape == (6000, 28, 28) and train.data.dtype is tt.uint8
    seen = {image.tobytes() for image in train.data.numpy()} & {
        image.tobytes() for image in held_out.data.numpy()
    }
    assert len(seen) <= 1  # Fashion-MNIST itself has some pictures twice


def test_images_that_ship_look_like_their_class():
    data = FashionMNISTSubset()
    mean = {name: data.data[data.targets == i].float().mean(0) for i, name in enumerate(data.classes)}
    centre, side = mean["Trouser"][14:, 13:15].mean().item(), mean["Trouser"][14:, :4].mean().item()
    assert centre > 20 * max(side, 1.0)  # a pair of trousers is narrow
    image, label = data[0]
    assert image.shape == (28, 28) and data.classes[label] == "Ankle boot"


def test_the_licence_ships_with_the_images():
    folder = files("tinytorch.datasets")
    assert "2017 Zalando SE" in folder.joinpath("LICENSE-fashion-mnist").read_text(encoding="utf-8")
    assert "arXiv:1708.07747" in folder.joinpath("README.md").read_text(encoding="utf-8")

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from qmtestbed.measuring.corruptions import CORRUPTIONS, SEVERITIES, Constants, constants_for, corrupt
from qmtestbed.measuring.imaging import box_resize, jpeg, plasma, rotated, shifted

SETS: tuple[Constants, ...] = ("imagenet-c", "cifar-10-c")


def some(n: int = 4, height: int = 28, width: int = 28, channels: int = 1, seed: int = 0) -> Any:
    """Random images, smooth at the scale of an eighth of their side, that reach from 0 to 1."""
    x = np.random.default_rng(seed).random((n, height, width, channels))
    x = gaussian_filter(x, (0, height / 16, width / 16, 0), mode="wrap")
    x -= x.min(axis=(1, 2, 3), keepdims=True)
    return (x / np.maximum(x.max(axis=(1, 2, 3), keepdims=True), 1e-9)).astype(np.float32)


def damaged(x: Any, name: str, severity: int = 3, seed: int = 0, constants: Constants = "imagenet-c") -> Any:
    return corrupt(x, name, severity, np.random.default_rng(seed), constants)


def flat(value: float, n: int = 1, side: int = 100, channels: int = 1) -> Any:
    return np.full((n, side, side, channels), value, dtype=np.float32)


# -- what holds of all ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 14, 3), (8, 8, 1), (70, 90, 3), (3, 2, 4), (1, 1, 1)])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_results_are_images_of_the_same_kind(name, shape):
    x = some(3, *shape)
    before = x.copy()
    for constants in SETS:
        for severity in (1, 5):
            y = damaged(x, name, severity, constants=constants)
            assert (y.shape, y.dtype) == (x.shape, np.float32)
            assert np.isfinite(y).all() and y.min() >= 0 and y.max() <= 1
            assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("constants", SETS)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_damage_grows_with_the_severity(name, constants):
    x = some(40, 56, 56)
    moved = [float(np.square(damaged(x, name, s, constants=constants) - x).mean()) for s in SEVERITIES]
    assert moved == sorted(moved)
    assert moved[0] > 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_seed_decides_and_images_differ(name):
    x = np.repeat(some(1), 30, axis=0)
    y = damaged(x, name)
    np.testing.assert_array_equal(y, damaged(x, name))
    if name in ("gaussian_blur", "brightness", "contrast", "pixelate", "jpeg_compression"):
        np.testing.assert_allclose(y, np.repeat(y[:1], 30, axis=0), atol=1e-6)
        np.testing.assert_allclose(y, damaged(x, name, seed=1), atol=1e-6)
    else:
        assert np.ptp(y, axis=0).max() > 0
        assert np.abs(y - damaged(x, name, seed=1)).max() > 0


def test_the_constants_go_by_the_size():
    assert (constants_for(28, 28), constants_for(64, 300), constants_for(65, 65)) == (SETS[1], SETS[1], SETS[0])


def test_there_are_the_corruptions_that_were_promised():
    assert len(CORRUPTIONS) == len(set(CORRUPTIONS)) == 12


# -- noise ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("constants", "deviation"), [("imagenet-c", 0.08), ("cifar-10-c", 0.04)])
def test_gaussian_noise_has_the_published_deviation(constants, deviation):
    y = damaged(flat(0.5, 4), "gaussian_noise", 1, constants=constants)
    assert y.std() == pytest.approx(deviation, rel=0.02)
    assert y.mean() == pytest.approx(0.5, abs=0.002)


def test_shot_noise_is_poissons():
    y = damaged(flat(0.3, 4), "shot_noise", 2)
    assert y.mean() == pytest.approx(0.3, rel=0.02)
    assert y.var() == pytest.approx(0.3 / 25, rel=0.03)
    np.testing.assert_allclose(y * 25, np.rint(y * 25), atol=1e-5)
    assert not damaged(flat(0.0), "shot_noise", 5).any()


def test_impulse_noise_is_half_black_half_white():
    y = damaged(flat(0.5, 4), "impulse_noise", 5)
    assert (y == 0).mean() == pytest.approx(0.27 / 2, rel=0.05)
    assert (y == 1).mean() == pytest.approx(0.27 / 2, rel=0.05)
    assert (y == 0.5).mean() == pytest.approx(0.73, rel=0.02)


# -- blur -----------------------------------------------------------------------------------------------------


def spot(side: int = 101) -> Any:
    x = np.zeros((1, side, side, 1), dtype=np.float32)
    x[0, side // 2, side // 2] = 1
    return x


def moments(x: Any) -> tuple[Any, Any, float]:
    """Middle, spread and mass of one image, down and right."""
    p = x[0, :, :, 0].astype(float)
    where = np.indices(p.shape)
    middle = (where * p).sum(axis=(1, 2)) / p.sum()
    spread = (((where.T - middle).T ** 2) * p).sum(axis=(1, 2)) / p.sum()
    return middle - (np.array(p.shape) - 1) / 2, np.sqrt(spread), float(p.sum())


@pytest.mark.parametrize(("severity", "sigma"), [(3, 3), (4, 4), (5, 6)])
def test_gaussian_blur_spreads_a_spot_by_the_published_width_scaled_to_the_image(severity, sigma):
    middle, spread, mass = moments(damaged(spot(), "gaussian_blur", severity))
    assert mass == pytest.approx(1, abs=1e-4)
    assert spread == pytest.approx([sigma * 101 / 224] * 2, rel=0.05)
    assert middle == pytest.approx([0, 0], abs=1e-5)


def test_motion_blur_smears_a_spot_along_a_line():
    for seed in range(5):
        angle = np.random.default_rng(seed).uniform(-45, 45, 1)[0]
        middle, _, mass = moments(damaged(spot(), "motion_blur", 4, seed))
        assert mass == pytest.approx(1, abs=1e-4)
        assert np.degrees(np.arctan2(*middle)) == pytest.approx(angle, abs=0.5)
        sigma = 12 * 101 / 224
        assert np.hypot(*middle) == pytest.approx(sigma * np.sqrt(2 / np.pi), rel=0.15)


def test_blur_leaves_a_flat_image_alone():
    for name in ("gaussian_blur", "motion_blur"):
        np.testing.assert_allclose(damaged(flat(0.7), name, 5), 0.7, atol=1e-5)


# -- weather and light ----------------------------------------------------------------------------------------


def test_fog_is_clouds_between_two_bounds_and_keeps_the_brightest():
    x = some(10)
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    y = damaged(x, "fog", 2)
    low, high = x * brightest / (brightest + 2), (x + 2) * brightest / (brightest + 2)
    assert ((low - 1e-6 <= y) & (y <= high + 1e-6)).all()
    assert not damaged(flat(0.0), "fog", 5).any()


def test_clouds_reach_from_0_to_1_and_get_rougher_as_the_decay_falls():
    rough, smooth = (plasma(6, 64, 64, decay, np.random.default_rng(0)) for decay in (1.4, 3))
    for cloud in (rough, smooth):
        np.testing.assert_allclose([cloud.min(axis=(1, 2)), cloud.max(axis=(1, 2))], [[0] * 6, [1] * 6])
    roughness = [np.abs(np.diff(c, axis=1)).mean() for c in (rough, smooth)]
    assert roughness[0] > 2 * roughness[1]
    assert plasma(2, 28, 20, 2, np.random.default_rng(0)).shape == (2, 28, 20)


def test_brightness_of_colours_is_that_of_hue_saturation_and_value():
    x = some(2, 6, 6, 3)
    x[0, 0, 0] = 0
    y = damaged(x, "brightness", 3)
    for old, new in zip(x.reshape(-1, 3), y.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*map(float, old))
        assert new == pytest.approx(colorsys.hsv_to_rgb(h, s, min(v + 0.3, 1)), abs=1e-5)
    np.testing.assert_allclose(damaged(flat(0.2), "brightness", 3), 0.5, atol=1e-6)


def test_contrast_shrinks_the_distance_from_the_mean_of_each_channel():
    x = some(3, channels=3)
    y = damaged(x, "contrast", 1)
    np.testing.assert_allclose(y.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(1, 2)), 0.4 * x.std(axis=(1, 2)), rtol=1e-4)


# -- digital: as Pillow does it -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(30, 30), (16, 8), (7, 5), (1, 1), (64, 48)])
def test_the_box_filter_is_pillows(size):
    image = pytest.importorskip("PIL.Image", reason="Pillow is the oracle")
    x = some(1, 32, 24)
    theirs = image.fromarray(x[0, :, :, 0]).resize(size[::-1], image.Resampling.BOX)
    np.testing.assert_allclose(box_resize(x, *size)[0, :, :, 0], np.asarray(theirs), atol=1e-6)


def through_pillow(x: Any, quality: int, folder: Any, **options: Any) -> Any:
    image = pytest.importorskip("PIL.Image", reason="Pillow is the oracle")
    levels = np.rint(x[0] * 255).astype(np.uint8)
    image.fromarray(levels if levels.shape[2] == 3 else levels[:, :, 0]).save(
        folder / "x.jpg", quality=quality, **options
    )
    return (np.asarray(image.open(folder / "x.jpg")) / 255).reshape(x[0].shape)


@pytest.mark.parametrize("quality", [80, 40, 25, 10, 7])
def test_jpeg_is_pillows_but_for_rounding(quality, tmp_path):
    """Pillow computes the transform in integers, so that a coefficient here and there is rounded the other way."""
    x = some(1, 90, 77)
    difference = np.abs(jpeg(x, quality)[0] - through_pillow(x, quality, tmp_path)) * 255
    assert difference.mean() < 0.2
    assert (difference < 1.5).mean() > 0.95


def test_jpeg_in_colour_is_pillows_without_subsampling(tmp_path):
    x = some(1, 90, 77, 3)
    difference = np.abs(jpeg(x, 25)[0] - through_pillow(x, 25, tmp_path, subsampling=0)) * 255
    assert difference.mean() < 0.8
    assert (difference < 2.5).mean() > 0.95


# -- position -------------------------------------------------------------------------------------------------


def test_shifts_by_whole_and_broken_pixels():
    x = spot(9)
    y = shifted(np.repeat(x, 3, axis=0), [2, 0.25, -1.5], [-1, 0, 0])
    assert y[0, 6, 3, 0] == 1 and y[0].sum() == 1
    assert y[1, 4:6, 4, 0] == pytest.approx([0.75, 0.25])
    assert y[2, 2:4, 4, 0] == pytest.approx([0.5, 0.5])
    edge = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 1, 5, 1)
    assert shifted(edge, [0], [2])[0, 0, :, 0] == pytest.approx([0, 0, 0, 0.25, 0.5])


def test_translation_goes_the_declared_way_in_both_directions():
    x = np.repeat(spot(57), 40, axis=0)
    y = damaged(x, "translation", 4)
    to = {tuple(np.round(moments(y[i : i + 1])[0], 4)) for i in range(40)}
    way = round(4 / 28 * 57, 4)
    assert to == {(a, b) for a in (way, -way) for b in (way, -way)}


def test_rotation_turns_about_the_middle_either_way():
    x = np.zeros((40, 61, 61, 1), dtype=np.float32)
    x[:, 29:32, 49:52] = 1
    y = damaged(x, "rotation", 2)
    turns = {round(float(np.degrees(np.arctan2(*moments(y[i : i + 1])[0])))) for i in range(40)}
    assert turns == {10, -10}
    np.testing.assert_allclose(rotated(x, 90), np.rot90(x, 1, axes=(1, 2)), atol=1e-5)

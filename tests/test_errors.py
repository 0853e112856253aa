from __future__ import annotations

import pytest

from archrank import errors


def test_every_error_has_a_python_kin() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.ArchrankError):
            if error is errors.ArchrankError:
                continue
            kin = [b for b in error.__mro__ if b.__module__ == "builtins"]
            assert kin[0] not in (Exception, object), error


def test_unknown_name_repeats_input_and_lists_close_matches() -> None:
    error = errors.UnknownNameError("ranker", "randomforest", ["random_forest", "gbdt"], "See docs")
    text = str(error)
    assert "'randomforest'" in text
    assert "did you mean 'random_forest'?" in text
    assert "Known: gbdt, random_forest" in text
    assert text.endswith("See docs")


def test_unknown_name_without_any_known() -> None:
    assert "Known: none" in str(errors.UnknownNameError("space", "x", []))


def test_message_is_not_a_repr() -> None:
    with pytest.raises(KeyError) as caught:
        raise errors.UnknownNameError("space", "nb", ["nasbench201"])
    assert str(caught.value).startswith("unknown space 'nb'")


def test_missing_extra_names_the_command() -> None:
    error = errors.MissingExtraError("distributed", "dask", "a cluster")
    assert "pip install 'archrank[dask]'" in str(error)
    assert isinstance(error, ImportError)

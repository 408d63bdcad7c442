"""A cache of builds that all test workers share, and that the next test run finds again."""

import pytest


@pytest.fixture(scope="module")
def builds(request):
    """Build quickly rather than what is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BITTRUE_CACHE", str(request.config.cache.mkdir("bittrue-builds")))
        patch.setenv("CXXFLAGS", "-O1")
        yield


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """Return the folder of a cache without builds."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BITTRUE_CACHE", str(folder))
    return folder

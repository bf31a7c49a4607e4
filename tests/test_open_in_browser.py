"""The browser of the page tests sees what a person would stumble over."""


def test_missing_pictures_and_errors_are_seen(tmp_path, open_in_browser):
    page = tmp_path / "page.html"
    page.write_text(
        "<html><head></head><body><img src='missing.png'><img src='http://127.0.0.1:9/x.png'>"
        "<script>throw new Error('oh')</script></body></html>"
    )
    found = open_in_browser(page, script="return document.images.length")
    assert found["result"] == 2
    assert found["images"] == [["missing.png", 0], ["http://127.0.0.1:9/x.png", 0]]
    assert len(found["problems"]) == 3 and any("oh" in problem for problem in found["problems"])
    assert "http://127.0.0.1:9/x.png" in found["requests"]

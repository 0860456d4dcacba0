from pixyz_scheduler.engine.open import gl


def test_without_egl_there_is_no_graphics_card():
    assert gl.has_graphics_card("libEGL-that-is-nowhere.so.1") is False


def test_a_library_that_is_no_egl_has_no_graphics_card():
    assert gl.has_graphics_card("libc.so.6") is False

import pytest

from pixyz_scheduler.errors import InvalidParams
from pixyz_scheduler.script.parameters import Parameters


def asked(**params):
    return Parameters(params, process="p")


@pytest.mark.parametrize("params", [None, [], "x", 3], ids=repr)
def test_params_must_be_an_object(params):
    with pytest.raises(InvalidParams, match="p: params must be a JSON object"):
        Parameters(params, process="p")


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda: asked(a="x").number("a"), "p: a must be a number, not 'x'."),
        (lambda: asked(a=True).number("a"), "p: a must be a number, not True."),
        (lambda: asked(a=float("nan")).number("a"), "p: a must be a number, not nan."),
        (lambda: asked(a=-1).number("a", least=0), "p: a must be a number at least 0, not -1."),
        (lambda: asked(a=0).number("a", over=0, most=1), "p: a must be a number over 0 and at most 1, not 0."),
        (lambda: asked(a=2).number("a", over=0, most=1), "p: a must be a number over 0 and at most 1, not 2."),
        (lambda: asked(a=1.5).whole("a"), "p: a must be a whole number, not 1.5."),
        (lambda: asked(a=0).whole("a", least=1), "p: a must be a number at least 1, not 0."),
        (lambda: asked(a="yes").flag("a", default=False), "p: a must be true or false, not 'yes'."),
        (lambda: asked(a=1).text("a"), "p: a must be a text, not 1."),
        (lambda: asked(a="z").choice("a", ("x", "y"), default="x"), "p: a must be one of x, y, not 'z'."),
        (lambda: asked(a=["x", "z"]).choices("a", ("x", "y"), default="x"), "p: a must be one or several of x, y,"),
        (lambda: asked(a=[]).choices("a", ("x", "y"), default="x"), "p: a must be one or several of x, y, not []."),
        (lambda: asked(a=[1]).texts("a", default=["x"]), "p: a must be a list of texts, not [1]."),
        (lambda: asked(a={"b": 1}).choices("a", ("x",), default="x"), "p: a must be one or several of x,"),
        (lambda: asked(a=[["x"]]).choices("a", ("x",), default="x"), "p: a must be one or several of x,"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(read, told):
    with pytest.raises(InvalidParams) as raised:
        read()
    assert told in str(raised.value)


def test_what_is_missing_or_null_has_its_default():
    empty = asked(n=None)
    assert empty.number("n", default=2.5) == 2.5
    assert empty.whole("n") is None
    assert empty.flag("f", default=True) is True
    assert empty.choices("v", ("a", "b"), default=("a", "b")) == ("a", "b")


def test_a_single_text_does_for_a_list():
    assert asked(v="a").choices("v", ("a", "b"), default=("b",)) == ("a",)
    assert asked(v="a").texts("v", default=["b"]) == ("a",)


def test_a_parameter_never_asked_for_is_warned_of():
    values = asked(size=3, sise=4)
    values.whole("size")
    assert values.unknown() == ("p does not know the parameter 'sise': it is ignored (known: size)",)

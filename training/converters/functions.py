"""The functions of one number that people put into a FunctionTransformer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from training.converters.graph import Graph, NotConvertedError, scalar


def _log1p(graph: Graph, value: str) -> str:
    """Return log(1 + x), with the digits that 1 + x loses given back."""
    one = graph.constant(scalar(1))
    above = graph.node("Add", value, one)
    kept = graph.node("Sub", above, one)
    exact = graph.node("Equal", kept, graph.constant(scalar(0)))
    divisor = graph.node("Where", exact, one, kept)
    scaled = graph.node("Mul", graph.node("Log", above), graph.node("Div", value, divisor))
    return graph.node("Where", exact, value, scaled)


def _expm1(graph: Graph, value: str) -> str:
    """Return exp(x) - 1 by way of the hyperbolic tangent of x / 2, which loses no digits near zero."""
    half = graph.node("Tanh", graph.node("Mul", value, graph.constant(scalar(0.5))))
    power = graph.node("Exp", value)
    near = graph.node("Mul", half, graph.node("Add", power, graph.constant(scalar(1))))
    far = graph.node("Sub", power, graph.constant(scalar(1)))
    small = graph.node("Less", graph.node("Abs", value), graph.constant(scalar(1)))
    return graph.node("Where", small, near, far)


def _square(graph: Graph, value: str) -> str:
    return graph.node("Mul", value, value)


def _scaled(factor: float) -> Callable[[Graph, str], str]:
    return lambda graph, value: graph.node("Mul", value, graph.constant(scalar(factor)))


def _operator(name: str) -> Callable[[Graph, str], str]:
    return lambda graph, value: graph.node(name, value)


FUNCTIONS: dict[Any, Callable[[Graph, str], str]] = {
    np.log: _operator("Log"),
    np.log1p: _log1p,
    np.exp: _operator("Exp"),
    np.expm1: _expm1,
    np.sqrt: _operator("Sqrt"),
    np.square: _square,
    np.abs: _operator("Abs"),
    np.sign: _operator("Sign"),
    np.negative: _operator("Neg"),
    np.tanh: _operator("Tanh"),
    np.reciprocal: _operator("Reciprocal"),
    np.floor: _operator("Floor"),
    np.ceil: _operator("Ceil"),
    np.deg2rad: _scaled(np.pi / 180),
}


def add_function(graph: Graph, function: Any, value: str) -> str:
    """Return what a function makes of a value; None is the identity."""
    if function is None:
        return value
    try:
        convert = FUNCTIONS[function]
    except (KeyError, TypeError):
        raise NotConvertedError(f"it calls {getattr(function, '__name__', function)!s:.40}") from None
    return convert(graph, value)

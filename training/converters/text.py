"""Text: the engine counts the terms, as scikit-learn's own patterns find them; the graph weighs the counts."""

from typing import Any

from onnx import TensorProto
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from training.converters.graph import NUMBER, STRING, Columns, Graph, NotConvertedError, Part, scalar, width
from training.converters.registry import transforms
from training.converters.scalers import normalized


@transforms(CountVectorizer)
def convert_count_vectorizer(graph: Graph, vectorizer: Any, columns: Columns) -> list[Part]:
    """Convert counts of terms, which are the input."""
    part = _counted(graph, vectorizer, columns)
    return [_binary(graph, part) if vectorizer.binary else part]


@transforms(TfidfVectorizer)
def convert_tfidf_vectorizer(graph: Graph, vectorizer: Any, columns: Columns) -> list[Part]:
    """Convert counts of terms, weighed."""
    counted = convert_count_vectorizer(graph, vectorizer, columns)
    return convert_tfidf_transformer(graph, vectorizer._tfidf, counted)


@transforms(TfidfTransformer)
def convert_tfidf_transformer(graph: Graph, transformer: Any, columns: Columns) -> list[Part]:
    """Convert the weighing of counts."""
    value = graph.matrix(columns)
    if transformer.sublinear_tf:
        counted = graph.node("Greater", value, graph.constant(scalar(0)))
        one = graph.constant(scalar(1))
        logarithm = graph.node("Add", graph.node("Log", graph.node("Where", counted, value, one)), one)
        value = graph.node("Where", counted, logarithm, graph.constant(scalar(0)))
    if transformer.use_idf:
        value = graph.node("Mul", value, graph.constant(transformer.idf_))
    if transformer.norm:
        value = normalized(graph, value, transformer.norm)
    return [Part(value, width(columns))]


def _counted(graph: Graph, vectorizer: Any, columns: Columns) -> Part:
    """Return a further input, which holds the counts of a column's terms."""
    if len(columns) != 1 or columns[0].type != STRING or not columns[0].origins:
        raise NotConvertedError("it counts the words of something else than a text column")
    column = columns[0].origins[0]
    rules = words_of(vectorizer) | {"column": column, "filled": columns[0].filled}
    name = graph.name(f"{column} counted")
    graph.words[name] = rules
    return graph.add_input(name, NUMBER, len(rules["terms"]))


def words_of(vectorizer: Any) -> dict[str, Any]:
    """Return how the engine finds the terms of a text; NotConvertedError where only scikit-learn can."""
    for name in ("preprocessor", "tokenizer"):
        if getattr(vectorizer, name) is not None:
            raise NotConvertedError(f"it calls a {name} of its own")
    if vectorizer.analyzer != "word" or vectorizer.strip_accents or vectorizer.input != "content":
        raise NotConvertedError("it finds its terms in another way than by words")
    vocabulary = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    stopped = vectorizer.get_stop_words()
    return {
        "lowercase": bool(vectorizer.lowercase),
        "pattern": vectorizer.token_pattern,
        "ngrams": list(vectorizer.ngram_range),
        "left_out": sorted(stopped or ()),
        "terms": vocabulary,
    }


def _binary(graph: Graph, part: Part) -> Part:
    present = graph.node("Greater", part.value, graph.constant(scalar(0)))
    return Part(graph.node("Cast", present, to=TensorProto.DOUBLE), part.width)

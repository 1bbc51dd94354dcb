"""Which quantised graphs are read, by their operators: QONNX is, and other forms are refused by their names."""

from __future__ import annotations

from models.imported.workers.draft import Place

OWN = ("", "ai.onnx")
DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""QONNX' own, what Brevitas writes beside it, and the old name that qonnx still reads."""
BIPOLAR = "BipolarQuant"
TRUNC = "Trunc"
KINDS = ("Quant", "IntQuant", BIPOLAR, TRUNC)
QCDQ = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger")


def is_quantiser(place: Place, domain: str) -> bool:
    """Whether it is a quantiser that is read; raises `InputError` for other forms of quantised graphs."""
    if place.kind in QCDQ and domain in OWN:
        advice = "export QONNX (brevitas.export.export_qonnx), or QCDQ: DequantizeLinear right behind QuantizeLinear"
        raise place.refusal("it computes with codes, where a DequantizeLinear makes numbers of them first", advice)
    if place.kind == "MultiThreshold" or (domain.startswith(("finn.", "qonnx.")) and domain not in DOMAINS):
        advice = "give the QONNX file from before FINN's conversion: Quant nodes, as Brevitas exports them"
        raise place.refusal("the graph is FINN-ONNX, as FINN's own steps leave it", advice)
    if domain not in DOMAINS:
        return False
    if place.kind not in KINDS:
        raise place.refusal(f"an operator of {domain} that is not read", "quantise with Quant")
    return True

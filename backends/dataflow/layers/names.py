"""Names of layers as identifiers, of C++ or SystemVerilog, and in comments.

`block1_conv1` is an identifier, and `Block1Conv1` its struct; no two are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod

from backends.dataflow.layers.nodes import merged
from models.integers import GlobalSum, Threshold
from models.layers import (
    Add,
    AveragePool2D,
    Clip,
    Concat,
    Conv2D,
    Dense,
    GlobalAveragePool,
    GroupedConv2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    ReLU,
)
from models.network import Network
from models.quantised import QuantisedNetwork

KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern false
    float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public register reinterpret_cast return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
    while xor xor_eq
"""
"""Of C++14."""
HEADERS = "alloca daylight environ errno main std stderr stdin stdout timezone uint ulong ushort"
"""Names in the headers of g++ that are not functions; types end in _t, and macros are in capitals."""
TEMPLATES = """
    activation add advance average_pool clone concat depthwise global_average_pool half_up hls image image_beats
    matrix_vector max_pool receive relu result_beats saturated scan send shift_in shift_out window
    add_products ap_int ap_uint bits_of counter factor_of go_round native pack sum_of unpack weights_of with_sign
    beat factor input left left_value output pair pairs part product result right right_value stored stored_bias
    sum value vector weight word
    dataflow expected frame frames images put_images results simulate stages take_results
    transfer
"""
"""Names that the generated sources use already, types included."""
TAKEN = frozenset(word.replace("_", "") for word in (KEYWORDS + HEADERS + TEMPLATES).split())

VERILOG = """
    accept_on alias always always_comb always_ff always_latch assert assign assume automatic before begin bind bins
    binsof bit buf bufif0 bufif1 byte casex casez cell chandle checker clocking cmos config constraint context cover
    covergroup coverpoint cross deassign defparam design disable dist edge end endcase endchecker endclass endclocking
    endconfig endfunction endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty
    endsequence endspecify endtable endtask event eventually expect extends final first_match force foreach forever
    fork forkjoin function generate genvar global highz0 highz1 iff ifnone ignore_bins illegal_bins implements implies
    import incdir include initial inout input inside instance integer interconnect interface intersect join join_any
    join_none large let liblist library local localparam logic longint macromodule matches medium modport module nand
    negedge nettype nexttime nmos nor noshowcancelled notif0 notif1 null output package packed parameter pmos posedge
    primitive priority program property pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand
    randc randcase randsequence rcmos real realtime ref reg reject_on release repeat restrict rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    small soft solve specify specparam string strong strong0 strong1 super supply0 supply1 sync_accept_on sync_reject_on
    table tagged task throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type
    unique unique0 unsigned until until_with untyped use uwire var vectored virtual wait wait_order wand weak weak0
    weak1 wildcard wire with within wor xnor
    clk reset images results receive_image send_results tb
"""
"""Keywords of SystemVerilog (IEEE 1800-2017), and names that ``top.sv`` uses already. They are added to `TAKEN`, so
that layers have the same names in both languages wherever possible."""
_MODULES = """
    adder_tree axis_receive axis_send convolution delay dense dsp_multiply_add fifo global_average maximum memory narrow
    packed_array product_array requantise rom short_fifo testbench threshold threshold_search widen
"""
VERILOG_LAYER = TAKEN | {word.replace("_", "") for word in VERILOG.split()}
VERILOG_TOP = VERILOG_LAYER | {word.replace("_", "") for word in _MODULES.split()}
"""The top must not have the name of a library module; an instance may."""

ENDINGS = re.compile("_(out|window|windows|weights|biases|t|valid|ready|data)$")
"""Endings of streams between stages, of functions and arrays of a layer, and of C types."""


def top_name(network: Network, verilog: bool = False) -> str:
    """The name of the function or module, and so of the IP core: that of the network, as an identifier."""
    return identifiers([network.name], taken=VERILOG_TOP if verilog else TAKEN)[network.name]


def layer_names(network: Network, verilog: bool = False) -> Mapping[str, str]:
    """The identifier of every layer."""
    taken = VERILOG_LAYER if verilog else TAKEN
    return identifiers((layer.name for layer in network.layers), top_name(network, verilog), taken)


def identifiers(names: Iterable[str], beside: str = "", taken: frozenset[str] = TAKEN) -> Mapping[str, str]:
    """An identifier for every name, as close to it as possible; none is `beside` or, without "_", among `taken`.

    >>> dict(identifiers(["conv1", "/block/Conv", "2d", "add", "conv-1"]))
    {'conv1': 'conv1', '/block/Conv': 'block_Conv', '2d': 'layer_2d', 'add': 'layer_add', 'conv-1': 'conv_1_2'}
    """
    by_name: dict[str, str] = {}
    for name in names:
        words = re.split(r"[\W_]+", name, flags=re.ASCII)
        plain = "_".join(word for word in words if word and word.lower() != "to")  # streams are A_to_B
        if plain.isupper() or plain == struct(plain):  # a macro, or its own struct
            plain = plain.lower()
        if not plain or plain[0].isdigit() or _folded(plain) in taken:
            plain = f"layer_{plain}".rstrip("_")
        if ENDINGS.search(plain):
            plain = f"{plain}_layer"
        by_name[name] = _free(plain, {*map(_folded, (beside, *by_name.values()))})
    return by_name


def struct(identifier: str) -> str:
    """The name of an identifier's struct.

    >>> struct("block1_conv1"), struct("dense")
    ('Block1Conv1', 'Dense')
    """
    return "".join(word[:1].upper() + word[1:] for word in identifier.split("_"))


def _free(plain: str, taken: set[str]) -> str:
    """`plain`, with a number behind it where it, or its struct, is taken."""
    number, candidate = 1, plain
    while _folded(candidate) in taken:
        number += 1
        candidate = f"{plain}_{number}"
    return candidate


def _folded(identifier: str) -> str:
    return identifier.replace("_", "").lower()


def title(quantised: QuantisedNetwork, layer: Layer) -> str:
    """What the layer is, in words."""
    shapes = quantised.network.shapes
    before, after = shapes[layer.inputs[0]], shapes[layer.name]
    activation = merged(quantised, layer)
    then = f" and {_called(activation)}" if activation else ""
    match layer:
        case Conv2D():
            stride = "" if layer.strides == (1, 1) else f", strides {_by(layer.strides)}"
            return f"{layer.name}: {_by(layer.kernel)} convolution{stride}, {before[-1]} to {after[-1]} channels{then}"
        case GroupedConv2D():
            stride = "" if layer.strides == (1, 1) else f", strides {_by(layer.strides)}"
            return f"{layer.name}: {_by(layer.kernel)} depthwise convolution{stride}, {before[-1]} channels{then}"
        case Dense():
            return f"{layer.name}: dense, {prod(before)} to {prod(after)}{then}"
        case MaxPool2D():
            return f"{layer.name}: the largest of {_by(layer.kernel)}, {_by(before[:2])} to {_by(after[:2])} pixels"
        case AveragePool2D():
            return f"{layer.name}: the average of {_by(layer.kernel)}, {_by(before[:2])} to {_by(after[:2])} pixels"
        case Add():
            return f"{layer.name}: {layer.inputs[0]} + {layer.inputs[1]}"
        case Concat():
            return f"{layer.name}: the channels of {layer.inputs[0]}, then those of {layer.inputs[1]}"
        case GlobalAveragePool():
            return f"{layer.name}: the average of {_by(before[:2])} pixels"
        case GlobalSum():
            return f"{layer.name}: the sum of {_by(before[:2])} pixels"
        case ReLU() | Clip() | LeakyReLU() | Threshold():
            return f"{layer.name}: {_called(layer)}"
    return f"{layer.name}: {layer.kind}"


def _called(activation: ReLU | Clip | LeakyReLU | Threshold) -> str:
    """
    >>> _called(Clip("six", ("conv",), 0.0, 6.0)), _called(LeakyReLU("leaky", ("conv",), 0.1))
    ('clip to 0 .. 6', 'leaky ReLU of slope 0.1')
    """
    match activation:
        case Clip():
            return f"clip to {activation.low:g} .. {activation.high:g}"
        case LeakyReLU():
            return f"leaky ReLU of slope {activation.slope:g}"
        case Threshold():
            return f"{activation.steps} threshold{'s' * (activation.steps > 1)} a channel"
    return "ReLU"


def _by(pair: tuple[int, ...]) -> str:
    return "x".join(map(str, pair))

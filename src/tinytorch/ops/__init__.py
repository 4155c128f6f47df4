"""The op cards, one file per topic."""

from tinytorch.overlay import overlay

__path__ = overlay(__name__, __path__)

from tinytorch.ops.activations import (GELU, GELU_TANH, Gelu, LogSoftmax, RELU, Relu, SIGMOID, Sigmoid, Softmax)
from tinytorch.ops.card import (Elementwise, Fused, Movement, Op)
from tinytorch.ops.contract import (MATMUL, MatMul)
from tinytorch.ops.elementwise import (ABS, ACOS, ADD, AND, ASIN, ATAN, ATAN2, Abs, Acos, Add, And, Asin, Atan, Atan2, CEIL, CLAMP, COS, COSH, Ceil, Clamp, Cos, Cosh, DIV, Div, EQUAL, ERF, EXP, EXP2, EXPM1, Equal, Erf, Exp, Exp2, Expm1, FLOOR, FLOOR_DIVIDE, FMOD, Floor, FloorDivide, Fmod, GREATER, GREATER_EQUAL, Greater, GreaterEqual, IS_INF, IS_NAN, IsInf, IsNan, LESS, LESS_EQUAL, LOG, LOG10, LOG1P, LOG2, Less, LessEqual, Log, Log10, Log1p, Log2, MAXIMUM, MINIMUM, MUL, Maximum, Minimum, Mul, NEG, NOT, NOT_EQUAL, Neg, Not, NotEqual, OR, Or, POW, Pow, RECIPROCAL, REMAINDER, ROUND, RSQRT, Reciprocal, Remainder, Round, Rsqrt, SHIFT_LEFT, SHIFT_RIGHT, SIGN, SIN, SINH, SQRT, SUB, ShiftLeft, ShiftRight, Sign, Sin, Sinh, Sqrt, Sub, TAN, TANH, TRUNC, Tan, Tanh, Trunc, WHERE, Where, XOR, Xor)
from tinytorch.ops.index import (Gather, INDEX, INDEX_SELECT, Index, IndexPut, IndexSelect, Scatter)
from tinytorch.ops.losses import (CrossEntropy)
from tinytorch.ops.movement import (ASSIGN, Assign, COPY, Cast, Cat, Copy, Expand, Flip, Patch, Permute, Reshape, Slice, Spread, View)
from tinytorch.ops.reduce import (Amax, Amin, ArgReduce, Cumprod, Cumsum, Prod, Sort, Sum)
from tinytorch.ops.steps import (AdamStep, AdamWStep, SgdStep)

__all__ = ['ABS', 'ACOS', 'ADD', 'AND', 'ASIN', 'ASSIGN', 'ATAN', 'ATAN2', 'Abs', 'Acos', 'AdamStep', 'AdamWStep', 'Add', 'Amax', 'Amin', 'And', 'ArgReduce', 'Asin', 'Assign', 'Atan', 'Atan2', 'CEIL', 'CLAMP', 'COPY', 'COS', 'COSH', 'Cast', 'Cat', 'Ceil', 'Clamp', 'Copy', 'Cos', 'Cosh', 'CrossEntropy', 'Cumprod', 'Cumsum', 'DIV', 'Div', 'EQUAL', 'ERF', 'EXP', 'EXP2', 'EXPM1', 'Elementwise', 'Equal', 'Erf', 'Exp', 'Exp2', 'Expand', 'Expm1', 'FLOOR', 'FLOOR_DIVIDE', 'FMOD', 'Flip', 'Floor', 'FloorDivide', 'Fmod', 'Fused', 'GELU', 'GELU_TANH', 'GREATER', 'GREATER_EQUAL', 'Gather', 'Gelu', 'Greater', 'GreaterEqual', 'INDEX', 'INDEX_SELECT', 'IS_INF', 'IS_NAN', 'Index', 'IndexPut', 'IndexSelect', 'IsInf', 'IsNan', 'LESS', 'LESS_EQUAL', 'LOG', 'LOG10', 'LOG1P', 'LOG2', 'Less', 'LessEqual', 'Log', 'Log10', 'Log1p', 'Log2', 'LogSoftmax', 'MATMUL', 'MAXIMUM', 'MINIMUM', 'MUL', 'MatMul', 'Maximum', 'Minimum', 'Movement', 'Mul', 'NEG', 'NOT', 'NOT_EQUAL', 'Neg', 'Not', 'NotEqual', 'OR', 'Op', 'Or', 'POW', 'Patch', 'Permute', 'Pow', 'Prod', 'RECIPROCAL', 'RELU', 'REMAINDER', 'ROUND', 'RSQRT', 'Reciprocal', 'Relu', 'Remainder', 'Reshape', 'Round', 'Rsqrt', 'SHIFT_LEFT', 'SHIFT_RIGHT', 'SIGMOID', 'SIGN', 'SIN', 'SINH', 'SQRT', 'SUB', 'Scatter', 'SgdStep', 'ShiftLeft', 'ShiftRight', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Slice', 'Softmax', 'Sort', 'Spread', 'Sqrt', 'Sub', 'Sum', 'TAN', 'TANH', 'TRUNC', 'Tan', 'Tanh', 'Trunc', 'View', 'WHERE', 'Where', 'XOR', 'Xor']

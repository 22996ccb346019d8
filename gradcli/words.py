"""Words that mean something in a target language, so that no stage is called like one.

Keywords, and the library names that a target's code calls or that its compiler knows.
"""

from __future__ import annotations

PYTHON = frozenset(
    """False None True and as assert async await break class continue def del elif else except finally for from
    global if import in is lambda nonlocal not or pass raise return try while with yield match case type
    abs all any bool bytes callable chr complex dict dir divmod enumerate eval exec filter float format frozenset
    getattr globals hasattr hash help hex id input int isinstance iter len list locals map max min next object oct
    open ord pow print property range repr reversed round set setattr slice sorted str sum super tuple vars zip
    math np numpy torch jax jnp sys self ctx __name__ __file__ __doc__ __debug__ __builtins__ __import__
    """.split()  # noqa: SIM905  read once, and shorter than 130 quoted words
)
C = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    _Bool _Complex _Imaginary bool true false complex asm typeof fortran NULL EOF
    main printf fprintf sprintf snprintf scanf puts putchar getchar fabs malloc calloc realloc free exit abort
    memcpy memset strlen strcmp stdin stdout stderr errno signgam size_t time clock rand srand abs labs div ldiv
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fdim floor fma fmax
    fmin fmod frexp hypot ilogb isfinite isinf isnan isnormal j0 j1 jn y0 y1 yn ldexp lgamma llrint llround log
    log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint round
    scalbln scalbn signbit sin sinh sqrt tan tanh tgamma trunc gamma significand drem finite scalb
    NAN INFINITY HUGE_VAL M_PI M_E index rindex remove rename system getenv atof atoi I
    """.split()  # noqa: SIM905
)
JAVASCRIPT = frozenset(
    """abstract arguments await boolean break byte case catch char class const continue debugger default delete do
    double else enum eval export extends false final finally float for function goto if implements import in
    instanceof int interface let long native new null package private protected public return short static super
    switch synchronized this throw throws transient true try typeof var void volatile while with yield
    undefined NaN Infinity Math Number Object Array console process window document globalThis async of get set
    """.split()  # noqa: SIM905
)
TARGETS = {"python": PYTHON, "c": C, "javascript": JAVASCRIPT}

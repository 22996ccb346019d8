"""Functions along a lane of entries, as generated C brings them along; and which of them others call.

A lane is a copy of the entries along the axes of a reduction; functions that give as many entries change it.
"""

from __future__ import annotations

REDUCTIONS = {
    "prod": """\
static double prod(const double *a, int n)
{
    double result = 1.0;
    for (int i = 0; i < n; i++) result *= a[i];
    return result;
}""",
    "amax": """\
static double amax(const double *a, int n)
{
    double result = a[0];
    for (int i = 1; i < n; i++)
        if (a[i] > result || isnan(a[i])) result = a[i];
    return result;
}""",
    "amin": """\
static double amin(const double *a, int n)
{
    double result = a[0];
    for (int i = 1; i < n; i++)
        if (a[i] < result || isnan(a[i])) result = a[i];
    return result;
}""",
    "var": """\
static double var(const double *a, int n, int ddof)
{
    double mean = 0.0, result = 0.0;
    for (int i = 0; i < n; i++) mean += a[i];
    mean /= n;
    for (int i = 0; i < n; i++) result += (a[i] - mean) * (a[i] - mean);
    return result / (n - ddof);
}""",
    "std": """\
static double std(const double *a, int n, int ddof)
{
    return sqrt(var(a, n, ddof));
}""",
    "norm": """\
// The root of the sum of squares; scaled, so that squares neither overflow nor vanish.
static double norm(const double *a, int n)
{
    double scale = 0.0, result = 0.0;
    for (int i = 0; i < n; i++) scale = fmax(scale, fabs(a[i]));
    if (!(scale > 0.0) || isinf(scale)) scale = 1.0;
    for (int i = 0; i < n; i++) result += (a[i] / scale) * (a[i] / scale);
    return scale * sqrt(result);
}""",
    "logsumexp": """\
// log(sum(exp(a))), shifted so that exp does not overflow.
static double logsumexp(const double *a, int n)
{
    double shift = amax(a, n), result = 0.0;
    if (!isfinite(shift)) shift = 0.0;
    for (int i = 0; i < n; i++) result += exp(a[i] - shift);
    return shift + log(result);
}""",
}
CHANGES = {
    "softmax": """\
// exp(a) as shares of its sum, shifted so that exp does not overflow.
static void softmax(double *a, int n)
{
    double shift = amax(a, n), total = 0.0;
    for (int i = 0; i < n; i++) total += a[i] = exp(a[i] - shift);
    for (int i = 0; i < n; i++) a[i] /= total;
}""",
    "log_softmax": """\
// The logarithm of softmax, shifted so that exp does not overflow.
static void log_softmax(double *a, int n)
{
    double shift = amax(a, n), total = 0.0;
    for (int i = 0; i < n; i++) total += exp(a[i] -= shift);
    for (int i = 0; i < n; i++) a[i] -= log(total);
}""",
    "cumsum": """\
static void cumsum(double *a, int n)
{
    for (int i = 1; i < n; i++) a[i] += a[i - 1];
}""",
    "sums_from": """\
static void sums_from(double *a, int n)
{
    for (int i = n - 2; i >= 0; i--) a[i] += a[i + 1];
}""",
    "others": """\
// For each entry the product of the others, right also at zeros.
static void others(double *a, int n)
{
    double before = 1.0;
    for (int i = 0; i < n; i++) {
        double after = 1.0, own = a[i];
        for (int j = i + 1; j < n; j++) after *= a[j];
        a[i] = before * after;
        before *= own;
    }
}""",
    "first": """\
// Of the entries that are not 0 the first one.
static void first(double *a, int n)
{
    int i = 0;
    while (i < n && a[i] == 0.0) i++;
    while (++i < n) a[i] = 0.0;
}""",
    "last": """\
// Of the entries that are not 0 the last one.
static void last(double *a, int n)
{
    int i = n - 1;
    while (i >= 0 && a[i] == 0.0) i--;
    while (--i >= 0) a[i] = 0.0;
}""",
}
PLACE = """\
// Where an index that may count from the end points to.
static int place(double index, int size)
{
    return index < 0.0 ? (int)index + size : (int)index;
}"""
FUNCTIONS = {**REDUCTIONS, **CHANGES, "place": PLACE}
NEEDS = {"std": ["var"], "logsumexp": ["amax"], "softmax": ["amax"], "log_softmax": ["amax"]}

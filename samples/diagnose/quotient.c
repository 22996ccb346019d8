#include <math.h>

double quotient(double x, double y, double *dx, double *dy)
{
    double num = sin(x) * y;
    double den = x * x + y * y;
    double f = num / den;

    /* backward */
    double dnum = 1.0 / den;
    double dden = num / (den * den);
    *dx = cos(x) * y * dnum + 2.0 * x * dden;
    *dy = sin(x) * dnum + 2.0 * y * dden;
    return f;
}

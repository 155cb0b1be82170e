using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>The tiles of four and six rows, which also prefetch what follows their weights.</summary>
internal static unsafe partial class Microkernel<V, L, C>
    where V : struct
    where L : IMemoryLanes<V>
    where C : struct, IColumns
{
    /// <summary>4 rows: up to 16 accumulators, the columns of B kept, one broadcast.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile4<F>(GemmOperands* product, int row, float* init, nint ldi, float* c, float* next)
        where F : struct, IPrefetch
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        float* i1 = init + ldi;
        V c10 = L.Load(i1), c11 = L.Load(i1 + L.Count);
        V c12 = C.Count > 2 ? L.Load(i1 + C.Third * L.Count) : default, c13 = C.Count > 3 ? L.Load(i1 + 3 * L.Count) : default;
        float* i2 = i1 + ldi;
        V c20 = L.Load(i2), c21 = L.Load(i2 + L.Count);
        V c22 = C.Count > 2 ? L.Load(i2 + C.Third * L.Count) : default, c23 = C.Count > 3 ? L.Load(i2 + 3 * L.Count) : default;
        float* i3 = i2 + ldi;
        V c30 = L.Load(i3), c31 = L.Load(i3 + L.Count);
        V c32 = C.Count > 2 ? L.Load(i3 + C.Third * L.Count) : default, c33 = C.Count > 3 ? L.Load(i3 + 3 * L.Count) : default;
        for (; product != null; product = product->Next)
        {
            float* a0 = product->A[row];
            float* a1 = product->A[row + 1];
            float* a2 = product->A[row + 2];
            float* a3 = product->A[row + 3];
            float* b = product->B;
            nint depth = product->Depth;
            for (nint k = 0; k < depth; k++)
            {
                V w0 = L.Load(b), w1 = L.Load(b + L.Count);
                V w2 = C.Count > 2 ? L.Load(b + C.ThirdInPanel * L.Count) : default, w3 = C.Count > 3 ? L.Load(b + 3 * L.Count) : default;
                V x = L.Broadcast(a0[k]);
                c00 = L.MultiplyAdd(x, w0, c00);
                c01 = L.MultiplyAdd(x, w1, c01);
                if (C.Count > 2)
                    c02 = L.MultiplyAdd(x, w2, c02);
                if (C.Count > 3)
                    c03 = L.MultiplyAdd(x, w3, c03);
                x = L.Broadcast(a1[k]);
                c10 = L.MultiplyAdd(x, w0, c10);
                c11 = L.MultiplyAdd(x, w1, c11);
                if (C.Count > 2)
                    c12 = L.MultiplyAdd(x, w2, c12);
                if (C.Count > 3)
                    c13 = L.MultiplyAdd(x, w3, c13);
                x = L.Broadcast(a2[k]);
                c20 = L.MultiplyAdd(x, w0, c20);
                c21 = L.MultiplyAdd(x, w1, c21);
                if (C.Count > 2)
                    c22 = L.MultiplyAdd(x, w2, c22);
                if (C.Count > 3)
                    c23 = L.MultiplyAdd(x, w3, c23);
                x = L.Broadcast(a3[k]);
                c30 = L.MultiplyAdd(x, w0, c30);
                c31 = L.MultiplyAdd(x, w1, c31);
                if (C.Count > 2)
                    c32 = L.MultiplyAdd(x, w2, c32);
                if (C.Count > 3)
                    c33 = L.MultiplyAdd(x, w3, c33);
                F.Ahead<L, C>(next, k);
                b += C.Step == 0 ? C.Count * L.Count : C.Step;
            }
        }

        Finish(c00, c01, c02, c03, init, c);
        Finish(c10, c11, c12, c13, i1, c + C.Stride * L.Count);
        Finish(c20, c21, c22, c23, i2, c + 2 * C.Stride * L.Count);
        Finish(c30, c31, c32, c33, i3, c + 3 * C.Stride * L.Count);
    }

    /// <summary>6 rows: up to 24 accumulators, the columns of B kept, one broadcast.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile6<F>(GemmOperands* product, int row, float* init, nint ldi, float* c, float* next)
        where F : struct, IPrefetch
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        float* i1 = init + ldi;
        V c10 = L.Load(i1), c11 = L.Load(i1 + L.Count);
        V c12 = C.Count > 2 ? L.Load(i1 + C.Third * L.Count) : default, c13 = C.Count > 3 ? L.Load(i1 + 3 * L.Count) : default;
        float* i2 = i1 + ldi;
        V c20 = L.Load(i2), c21 = L.Load(i2 + L.Count);
        V c22 = C.Count > 2 ? L.Load(i2 + C.Third * L.Count) : default, c23 = C.Count > 3 ? L.Load(i2 + 3 * L.Count) : default;
        float* i3 = i2 + ldi;
        V c30 = L.Load(i3), c31 = L.Load(i3 + L.Count);
        V c32 = C.Count > 2 ? L.Load(i3 + C.Third * L.Count) : default, c33 = C.Count > 3 ? L.Load(i3 + 3 * L.Count) : default;
        float* i4 = i3 + ldi;
        V c40 = L.Load(i4), c41 = L.Load(i4 + L.Count);
        V c42 = C.Count > 2 ? L.Load(i4 + C.Third * L.Count) : default, c43 = C.Count > 3 ? L.Load(i4 + 3 * L.Count) : default;
        float* i5 = i4 + ldi;
        V c50 = L.Load(i5), c51 = L.Load(i5 + L.Count);
        V c52 = C.Count > 2 ? L.Load(i5 + C.Third * L.Count) : default, c53 = C.Count > 3 ? L.Load(i5 + 3 * L.Count) : default;
        for (; product != null; product = product->Next)
        {
            float* a0 = product->A[row];
            float* a1 = product->A[row + 1];
            float* a2 = product->A[row + 2];
            float* a3 = product->A[row + 3];
            float* a4 = product->A[row + 4];
            float* a5 = product->A[row + 5];
            float* b = product->B;
            nint depth = product->Depth;
            for (nint k = 0; k < depth; k++)
            {
                V w0 = L.Load(b), w1 = L.Load(b + L.Count);
                V w2 = C.Count > 2 ? L.Load(b + C.ThirdInPanel * L.Count) : default, w3 = C.Count > 3 ? L.Load(b + 3 * L.Count) : default;
                V x = L.Broadcast(a0[k]);
                c00 = L.MultiplyAdd(x, w0, c00);
                c01 = L.MultiplyAdd(x, w1, c01);
                if (C.Count > 2)
                    c02 = L.MultiplyAdd(x, w2, c02);
                if (C.Count > 3)
                    c03 = L.MultiplyAdd(x, w3, c03);
                x = L.Broadcast(a1[k]);
                c10 = L.MultiplyAdd(x, w0, c10);
                c11 = L.MultiplyAdd(x, w1, c11);
                if (C.Count > 2)
                    c12 = L.MultiplyAdd(x, w2, c12);
                if (C.Count > 3)
                    c13 = L.MultiplyAdd(x, w3, c13);
                x = L.Broadcast(a2[k]);
                c20 = L.MultiplyAdd(x, w0, c20);
                c21 = L.MultiplyAdd(x, w1, c21);
                if (C.Count > 2)
                    c22 = L.MultiplyAdd(x, w2, c22);
                if (C.Count > 3)
                    c23 = L.MultiplyAdd(x, w3, c23);
                x = L.Broadcast(a3[k]);
                c30 = L.MultiplyAdd(x, w0, c30);
                c31 = L.MultiplyAdd(x, w1, c31);
                if (C.Count > 2)
                    c32 = L.MultiplyAdd(x, w2, c32);
                if (C.Count > 3)
                    c33 = L.MultiplyAdd(x, w3, c33);
                x = L.Broadcast(a4[k]);
                c40 = L.MultiplyAdd(x, w0, c40);
                c41 = L.MultiplyAdd(x, w1, c41);
                if (C.Count > 2)
                    c42 = L.MultiplyAdd(x, w2, c42);
                if (C.Count > 3)
                    c43 = L.MultiplyAdd(x, w3, c43);
                x = L.Broadcast(a5[k]);
                c50 = L.MultiplyAdd(x, w0, c50);
                c51 = L.MultiplyAdd(x, w1, c51);
                if (C.Count > 2)
                    c52 = L.MultiplyAdd(x, w2, c52);
                if (C.Count > 3)
                    c53 = L.MultiplyAdd(x, w3, c53);
                F.Ahead<L, C>(next, k);
                b += C.Step == 0 ? C.Count * L.Count : C.Step;
            }
        }

        Finish(c00, c01, c02, c03, init, c);
        Finish(c10, c11, c12, c13, i1, c + C.Stride * L.Count);
        Finish(c20, c21, c22, c23, i2, c + 2 * C.Stride * L.Count);
        Finish(c30, c31, c32, c33, i3, c + 3 * C.Stride * L.Count);
        Finish(c40, c41, c42, c43, i4, c + 4 * C.Stride * L.Count);
        Finish(c50, c51, c52, c53, i5, c + 5 * C.Stride * L.Count);
    }
}

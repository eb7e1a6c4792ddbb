"""A plan written out as C: fused loops, products by BLAS, whole loops without Python."""

  # Parley's own kernel, with weights that are all zero: see linear_int8.c and linear_int12.c.
  #   x: [rows, size] in fp32; panels: int8 [size / 32, bytes]
  def parley_linear(self: __torch__.Program, x: Tensor, panels: Tensor, bits: int) -> Tensor:
    none = torch.empty([0])
    y = torch.empty([x.size(0), 32 * panels.size(0)])
    scratch = torch.empty([x.size(0), 3 * x.size(1)], dtype=0)
    ops.parley.linear(panels, x, none, none, 0.0, False, False, y, scratch, bits)
    return y.flatten().select(0, 0)

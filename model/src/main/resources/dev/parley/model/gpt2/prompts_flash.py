  # Attention of prompts by libtorch's flash attention, where prompts attend in bf16.

  # What a prompt's `count` tokens add to their scores of whole blocks of tokens, of which they are the
  # last of `length`: [count, 64 * blocks]. Nothing where they are all of them.
  def mask(self: __torch__.Program, count: int, length: int, table: Tensor) -> Optional[Tensor]:
    mask = annotate(Optional[Tensor], None)
    if count < length:
      full = torch.full([count, table.size(1) * 64], float("-inf"), dtype=self.prompt_type, device=table.device)
      mask = torch.triu(full, length - count + 1)
    return mask

  # Attention of a prompt's tokens: to each other alone where there is no mask, else to all of what is
  # cached.
  #   rows: [n, 3, heads, headSize]; runs: of its conversation's blocks; mask: see `mask`
  # Returns [n, heads * headSize].
  def read(self: __torch__.Program, rows: Tensor, keys: Tensor, values: Tensor, runs: List[int], length: int, mask: Optional[Tensor]) -> Tensor:
    n = rows.size(0)
    query = rows.select(1, 0).to(self.prompt_type).transpose(0, 1).unsqueeze(0)  # [1, heads, n, headSize]
    if mask is None:
      kept = rows.narrow(1, 1, 2).permute([1, 2, 0, 3]).contiguous().to(keys.dtype)  # as later pieces see them
      key, value = torch.unbind(kept.to(self.prompt_type).unsqueeze(1))
      attended = torch.scaled_dot_product_attention(query, key, value, None, 0.0, True)
    else:
      key = self.side_by_side(keys.permute([1, 0, 3, 2]), 1, runs).flatten(1, 2).unsqueeze(0)
      value = self.side_by_side(values.transpose(0, 1), 1, runs).flatten(1, 2).unsqueeze(0)
      attended = torch.scaled_dot_product_attention(query, key, value, unchecked_cast(Tensor, mask))
    return attended.squeeze(0).transpose(0, 1).reshape([n, -1]).to(rows.dtype)

  # Attention of many conversations in one call, for a GPU: their blocks are copied side by side, each
  # conversation's padded to the longest, since that costs less there than a call for each.

  # What is the same in every layer, of queries that attend to at most `longest` tokens:
  #   table: [queries, blocks], where the blocks of their conversations are
  #   lengths: [queries], the tokens that each attends to
  # Returns the table as one list, what is not attended to, [queries, 1, blocks * 64, 1], and what that
  # adds to scores, [queries, 1, 1, blocks * 64].
  def prepare(self: __torch__.Program, table: Tensor, lengths: Tensor, longest: int, head_size: int) -> List[Tensor]:
    unseen = torch.arange(table.size(1) * 64, dtype=4, device=table.device) >= lengths.unsqueeze(1)
    unseen = unseen.unsqueeze(1).unsqueeze(3)
    mask = torch.masked_fill(torch.zeros_like(unseen, dtype=self.prompt_type), unseen, float("-inf"))
    return [table.reshape([-1]), unseen, mask.transpose(2, 3)]

  # query: [queries, heads, headSize]; keys, values: of one layer; prepared: what `prepare` returns
  # Returns [queries, heads * headSize]. What is not attended to may be no number: it becomes zero.
  def attend(self: __torch__.Program, query: Tensor, keys: Tensor, values: Tensor, prepared: List[Tensor]) -> Tensor:
    queries = query.size(0)
    heads = query.size(1)
    head_size = query.size(2)
    unseen = prepared[1]
    key = keys.index_select(0, prepared[0]).reshape([queries, -1, heads, head_size, 64]).permute([0, 2, 1, 4, 3]).reshape([queries, heads, -1, head_size])
    value = values.index_select(0, prepared[0]).reshape([queries, -1, heads, 64, head_size]).transpose(1, 2).reshape([queries, heads, -1, head_size])
    attended = torch.scaled_dot_product_attention(query.to(keys.dtype).unsqueeze(2), key.masked_fill_(unseen, 0), value.masked_fill_(unseen, 0), prepared[2], 0.0, False)
    return attended.reshape([queries, heads * head_size])

  # Attention of many conversations in one call, by FBGEMM's embedding bags: sums of weighted rows of a
  # table, of which keys and values are two. A score is a query's numbers times the rows of a block of
  # keys, which stand one number of the head after the other; an output is probabilities times the rows
  # of values. Each bag is computed by itself, so that no row's result depends on another's, and reads
  # 16-bit rows at half of the cost of 32-bit ones.

  # What is the same in every layer, of queries that attend to at most `longest` tokens:
  #   table: [queries, blocks], where the blocks of their conversations are
  #   lengths: [queries], the tokens that each attends to
  # Returns the rows of keys and where their bags begin, those of values, and what is not attended to,
  # [queries, 1, longest], or nothing where all is. In place of tokens that are not, values have the
  # first row of block 0, which is zero.
  def prepare(self: __torch__.Program, table: Tensor, lengths: Tensor, longest: int, head_size: int) -> List[Tensor]:
    heads = self.head_count
    queries = table.size(0)
    parts = table.unsqueeze(1) * heads + torch.arange(heads, dtype=4).unsqueeze(1)  # [queries, heads, blocks]
    key_rows = (parts * head_size).unsqueeze(3) + torch.arange(head_size, dtype=4)
    at = torch.arange(longest, dtype=4)
    unseen = (at >= lengths.unsqueeze(1)).unsqueeze(1)
    value_rows = torch.masked_fill(parts.index_select(2, at // 64) * 64 + at % 64, unseen, 0)
    key_bags = torch.arange(0, key_rows.numel(), head_size, dtype=3)
    value_bags = torch.arange(0, value_rows.numel(), longest, dtype=3)
    if not bool(unseen.any()):
      unseen = unseen.narrow(0, 0, 0)
    return [key_rows.to(3).reshape([-1]), key_bags, value_rows.to(3).reshape([-1]), value_bags, unseen]

  # query: [queries, heads, headSize]; keys, values: of one layer; prepared: what `prepare` returns
  # Returns [queries, heads * headSize].
  def attend(self: __torch__.Program, query: Tensor, keys: Tensor, values: Tensor, prepared: List[Tensor]) -> Tensor:
    queries = query.size(0)
    heads = self.head_count
    head_size = query.size(2)
    blocks = prepared[1].size(0) // (queries * heads)
    longest = prepared[2].size(0) // (queries * heads)
    scaled = (query.to(6) * head_size ** -0.5).to(keys.dtype)
    weights = scaled.unsqueeze(2).expand([queries, heads, blocks, head_size]).reshape([-1])
    scores, _, _, _ = torch.embedding_bag(keys.reshape([-1, 64]), prepared[0], prepared[1], False, 0, False, weights)
    seen = scores.reshape([queries, heads, blocks * 64]).narrow(2, 0, longest)
    if prepared[4].size(0) > 0:
      seen = torch.masked_fill(seen, prepared[4], float("-inf"))
    probabilities = torch.softmax(seen, 2, dtype=6).to(keys.dtype)
    outputs, _, _, _ = torch.embedding_bag(values.reshape([-1, head_size]), prepared[2], prepared[3], False, 0, False, probabilities.reshape([-1]))
    return outputs.reshape([queries, heads * head_size])

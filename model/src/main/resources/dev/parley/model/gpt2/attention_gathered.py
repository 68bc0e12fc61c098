  # Attention on a GPU, where a call costs more than a copy: the keys and values of all tokens that are
  # attended to are gathered, one conversation's after the other's, and all rows attend in one call.

  # The shape of a layer's table: a token's key and value stand side by side.
  def table_shapes(self: __torch__.Program, blocks: int, head_size: int, dtype: int) -> List[List[int]]:
    return [[blocks, 64, 2, self.head_count, head_size]]

  # What is the same in every layer. The arguments are those of `step`, and like those of `attention`
  # the same as on a CPU, which needs all of them.
  # Returns the place of each new token; the places of all tokens that are attended to; where the queries,
  # and where what they attend to, of each prompt and of each token of a group begin and at last end; and
  # the most of either.
  def plan(self: __torch__.Program, positions: Tensor, places: Tensor, counts: List[int], lengths: List[int], tables: List[Tensor], prompts: int, head_size: int) -> Tuple[Tensor, Tensor, Tensor, Tensor, int, int]:
    zero = torch.zeros([1], dtype=4, device=positions.device)
    written = annotate(List[Tensor], [])
    sources = annotate(List[Tensor], [])
    query_counts = [zero]
    seen_counts = [zero]
    most_queries = 1
    begin = 0
    for i in range(len(counts)):
      own = positions.narrow(0, begin, counts[i])
      begin = begin + counts[i]
      every = torch.arange(lengths[i], dtype=4, device=own.device)
      if i < prompts:
        written.append(self.places_of(tables[i], own).reshape([-1]))
        sources.append(self.places_of(tables[i], every).reshape([-1]))
        query_counts.append(torch.full_like(zero, counts[i]))
        seen_counts.append(torch.full_like(zero, lengths[i]))
        most_queries = max(most_queries, counts[i])
      else:
        sources.append(torch.masked_select(self.places_of(tables[i], every), every <= own.unsqueeze(1)))
        query_counts.append(torch.ones_like(own))
        seen_counts.append(own + 1)
    written.append(places)
    query_bounds = torch.cumsum(torch.cat(query_counts, 0), 0).to(3)
    bounds = torch.cumsum(torch.cat(seen_counts, 0), 0).to(3)
    return (torch.cat(written, 0), torch.cat(sources, 0), query_bounds, bounds, most_queries, max(lengths))

  # The places of tokens in each of some tables: [tables, tokens].
  def places_of(self: __torch__.Program, tables: Tensor, tokens: Tensor) -> Tensor:
    return tables.index_select(1, tokens // 64) * 64 + tokens % 64

  # Attention of all rows in one layer, whose keys and values are written first.
  #   joined: [tokens, 3, heads, headSize], queries, keys and values
  # Returns [tokens, heads * headSize].
  def attention(self: __torch__.Program, joined: Tensor, caches: List[Tensor], layer: int, counts: List[int], lengths: List[int], prompts: int, plan: Tuple[Tensor, Tensor, Tensor, Tensor, int, int]) -> Tensor:
    written, sources, query_bounds, bounds, most_queries, most = plan
    table = caches[layer].flatten(0, 1)  # [places, 2, heads, headSize]
    table.index_copy_(0, written, joined.narrow(1, 1, 2))
    query = joined.select(1, 0)
    key, value = torch.unbind(table.index_select(0, sources), 1)  # [attended to, heads, headSize]
    if query.is_cuda and query.size(2) % 8 == 0:  # heads of whole vectors
      # Not scaled_dot_product_attention, which may choose cuDNN: that makes a plan for each new shape, in
      # 50 ms or more. 2: the queries are the last of what they attend to.
      output, _, _, _, _, _ = ops.aten._efficient_attention_forward(query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0), None, query_bounds, bounds, most_queries, most, 0.0, 2)
      return output.squeeze(0).flatten(1)
    return self.one_by_one(query, key, value, query_bounds, bounds)

  # What the one call computes, for heads that it does not take, and for tests without a GPU.
  def one_by_one(self: __torch__.Program, query: Tensor, key: Tensor, value: Tensor, query_bounds: Tensor, bounds: Tensor) -> Tensor:
    outputs = annotate(List[Tensor], [])
    for i in range(bounds.size(0) - 1):
      n = int(query_bounds[i + 1]) - int(query_bounds[i])
      length = int(bounds[i + 1]) - int(bounds[i])
      own = query.narrow(0, int(query_bounds[i]), n).transpose(0, 1)  # [heads, n, headSize]
      keys = key.narrow(0, int(bounds[i]), length).permute([1, 2, 0])  # [heads, headSize, length]
      values = value.narrow(0, int(bounds[i]), length).transpose(0, 1)  # [heads, length, headSize]
      unseen = torch.triu(torch.full([n, length], float("-inf"), dtype=query.dtype, device=query.device), length - n + 1)
      scores = torch.matmul(own, keys) * query.size(2) ** -0.5 + unseen
      outputs.append(torch.matmul(torch.softmax(scores, 2), values).transpose(0, 1))
    return torch.cat(outputs, 0).flatten(1)

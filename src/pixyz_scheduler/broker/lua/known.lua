-- known(id, ...): of these ids, those that have a record.
local known = {}
for i = 2, #ARGV do
  if redis.call('EXISTS', key(ARGV[i])) == 1 then known[#known + 1] = ARGV[i] end
end
return known

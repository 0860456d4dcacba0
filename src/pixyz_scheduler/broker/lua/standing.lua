-- standing(id, ...): of each of these ids its state and how many attempts began, or two empty texts where there is no record.
local told = {}
for i = 2, #ARGV do
  local got = redis.call('HMGET', key(ARGV[i]), 'state', 'epoch')
  told[#told + 1] = got[1] or ''
  told[#told + 1] = got[2] or ''
end
return told

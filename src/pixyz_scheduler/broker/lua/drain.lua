-- drain(name): a worker shall leave; it is told when it announces itself next. 1, or 0 where no such worker lives
local name = ARGV[2]
local until_when = redis.call('ZSCORE', 'ps:workers', name)
if not until_when or tonumber(until_when) <= logical_ms() then return 0 end
redis.call('HSET', 'ps:worker:' .. name, 'drain', '1')
return 1

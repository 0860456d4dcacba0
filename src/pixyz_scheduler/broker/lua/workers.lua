-- workers(): those that are believed to live, each {name, {field, value, ...}}.
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'ps:workers', '(' .. logical_ms(), '+inf')) do
  found[#found + 1] = {name, redis.call('HGETALL', 'ps:worker:' .. name)}
end
return found

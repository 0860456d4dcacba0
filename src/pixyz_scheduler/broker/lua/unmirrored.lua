-- unmirrored(limit, after ms, again ms): ids of jobs whose end, `after` ago or longer, is not on the share yet; each is
-- told to one caller, and to another one `again` later.
local limit, after, again = tonumber(ARGV[2]), tonumber(ARGV[3]) / 1000, tonumber(ARGV[4]) / 1000
local now = wall_ms() / 1000
local due = redis.call('ZRANGEBYSCORE', 'ps:unmirrored', '-inf', now - after, 'LIMIT', 0, limit)
for _, id in ipairs(due) do redis.call('ZADD', 'ps:unmirrored', now - after + again, id) end
return due

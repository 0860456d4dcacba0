-- roused(limit): what the ends of others have brought about. {bells, ripe ids}: bells are {id, queue, priority}.
local limit = tonumber(ARGV[2])
return {roused(limit), redis.call('ZRANGE', 'ps:ripe', 0, limit - 1)}

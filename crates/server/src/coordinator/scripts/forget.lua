-- Deletes a record if the stored one has this version. KEYS as in step.lua. ARGV: the version, the id.
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 'changed' end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('SREM', KEYS[3], ARGV[2])
return 'done'

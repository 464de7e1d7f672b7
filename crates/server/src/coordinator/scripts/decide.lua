-- Runs commands and stores the record that says so, all or nothing.
-- KEYS as in step.lua, then those of the commands. ARGV: the first seven of step.lua, then for each command the number of its
-- words, what an integer reply has to be at least or nothing, and the words.
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 'changed' end
local saved = {}
for i = 4, #KEYS do
  saved[i] = {redis.call('DUMP', KEYS[i]), redis.call('PTTL', KEYS[i])}
end
local at, failed = 8, nil
while at <= #ARGV and not failed do
  local words, least = {}, ARGV[at + 1]
  for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + 1 + i] end
  at = at + 2 + #words
  local reply = redis.pcall(unpack(words))
  if type(reply) == 'table' and reply.err then
    failed = words[1] .. ': ' .. reply.err
  elseif least ~= '' and (type(reply) ~= 'number' or reply < tonumber(least)) then
    failed = words[1] .. ': the reply is not an integer of at least ' .. least
  end
end
if failed then
  for i = 4, #KEYS do
    redis.call('DEL', KEYS[i])
    if saved[i][1] then
      redis.call('RESTORE', KEYS[i], saved[i][2] > 0 and saved[i][2] or 0, saved[i][1])
    end
  end
  return {'refused', failed}
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'r', ARGV[3], 's', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[6])
if ARGV[7] == '1' then redis.call('SADD', KEYS[3], ARGV[6]) else redis.call('SREM', KEYS[3], ARGV[6]) end
return 'done'

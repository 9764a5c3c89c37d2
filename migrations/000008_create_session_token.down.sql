DROP FUNCTION session_lives(uuid, text, bigint, bigint, text);
DROP FUNCTION enter_session(uuid, text, bigint, bigint, text);
DROP TABLE session_token;
DROP TABLE signing_key;
DROP FUNCTION tell_all();

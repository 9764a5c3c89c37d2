DROP TRIGGER mcp_server_unlist ON mcp_server;
DROP FUNCTION unlist_mcp_server();
DROP TABLE agent;

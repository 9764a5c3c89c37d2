DROP TABLE mcp_server;

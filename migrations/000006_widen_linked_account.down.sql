DROP TRIGGER linked_account_tell ON linked_account;
CREATE TRIGGER linked_account_tell AFTER INSERT OR UPDATE OR DELETE ON linked_account
    FOR EACH ROW EXECUTE FUNCTION tell_directory('tenant_id');
DROP FUNCTION tell_account();
REVOKE SELECT, INSERT, UPDATE, DELETE ON linked_account FROM diglot_runtime;
DROP INDEX linked_account_order_idx;
ALTER TABLE linked_account
    DROP COLUMN object_id,
    DROP COLUMN name,
    DROP COLUMN udf,
    DROP COLUMN updated_at,
    DROP COLUMN version;

DROP TRIGGER change_pruning ON change;
DROP FUNCTION record_pruning();

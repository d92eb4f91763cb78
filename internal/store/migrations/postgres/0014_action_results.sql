-- +goose Up

-- The jobs of an action by their result, such as the few that are invalid among very many.
CREATE INDEX action_job_result ON action_job (action_id, result, job_id) WHERE result > 0;

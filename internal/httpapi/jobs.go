package httpapi

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"wharf/internal/jobs"
	"wharf/internal/tenancy"
)

// ownJobs gives the tenant that job listings are bound to; nil, which is every tenant, for operators alone.
func ownJobs(p tenancy.Principal) *uuid.UUID {
	if p.Operator {
		return nil
	}
	return &p.Tenant
}

// ListJobs gives a page of jobs: one's own tenant's, or to an operator those of all or of one.
func (h *handlers) ListJobs(ctx context.Context, req ListJobsRequestObject) (ListJobsResponseObject, error) {
	q, p := req.Params, caller(ctx)
	f := jobs.Filter{
		State: text(q.State), Kind: text(q.Kind), Queue: text(q.Queue), Tenant: ownJobs(p),
		Limit: orElse(q.Limit, defaultPage), After: orElse(q.After, 0),
	}
	if q.Tenant != nil {
		if !p.Operator {
			return nil, errTenantFilter
		}
		f.Tenant = q.Tenant
	}
	found, after, err := h.cfg.Jobs.List(ctx, f)
	if err != nil {
		return nil, err
	}
	res := ListJobs200JSONResponse{Body: append([]Job{}, found...)}
	if after > 0 {
		res.Headers.Link = next("/api/v1/jobs", strconv.FormatInt(after, 10),
			query(f.Limit, "state", f.State, "kind", f.Kind, "queue", f.Queue, "tenant", idText(q.Tenant)))
	}
	return res, nil
}

// GetJob shows a job with its errors.
func (h *handlers) GetJob(ctx context.Context, req GetJobRequestObject) (GetJobResponseObject, error) {
	j, err := h.cfg.Jobs.Get(ctx, req.JobId, ownJobs(caller(ctx)))
	return GetJob200JSONResponse(j), err
}

// RetryJob runs a job again.
func (h *handlers) RetryJob(ctx context.Context, req RetryJobRequestObject) (RetryJobResponseObject, error) {
	j, err := h.cfg.Jobs.Retry(ctx, req.JobId, ownJobs(caller(ctx)))
	return RetryJob202JSONResponse(j), err
}

// CancelJob ends a job.
func (h *handlers) CancelJob(ctx context.Context, req CancelJobRequestObject) (CancelJobResponseObject, error) {
	j, err := h.cfg.Jobs.Cancel(ctx, req.JobId, ownJobs(caller(ctx)))
	return CancelJob202JSONResponse(j), err
}

// RetryJobs runs a page of failed jobs again.
func (h *handlers) RetryJobs(ctx context.Context, req RetryJobsRequestObject) (RetryJobsResponseObject, error) {
	q := req.Body.Filter
	done, err := h.cfg.Jobs.RetryMany(ctx, jobs.Filter{
		State: text(q.State), Kind: text(q.Kind), Queue: text(q.Queue), Tenant: q.Tenant,
		Limit: orElse(q.Limit, defaultPage), After: orElse(q.After, 0),
	})
	return RetryJobs200JSONResponse(done), err
}

// ListQueues shows the queues.
func (h *handlers) ListQueues(ctx context.Context, _ ListQueuesRequestObject) (ListQueuesResponseObject, error) {
	queues, err := h.cfg.Jobs.Queues(ctx)
	return ListQueues200JSONResponse(queues), err
}

// PauseQueue keeps a queue's jobs from being started.
func (h *handlers) PauseQueue(ctx context.Context, req PauseQueueRequestObject) (PauseQueueResponseObject, error) {
	return PauseQueue204Response{}, h.cfg.Jobs.Pause(ctx, req.Name)
}

// ResumeQueue undoes PauseQueue.
func (h *handlers) ResumeQueue(ctx context.Context, req ResumeQueueRequestObject) (ResumeQueueResponseObject, error) {
	return ResumeQueue204Response{}, h.cfg.Jobs.Resume(ctx, req.Name)
}

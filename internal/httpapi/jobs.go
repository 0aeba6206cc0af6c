package httpapi

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"wharf/internal/fault"
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

func (h *handlers) ListJobs(ctx context.Context, req ListJobsRequestObject) (ListJobsResponseObject, error) {
	q := req.Params
	limit, err := page(q.Limit, defaultPage)
	if err != nil {
		return nil, err
	}
	p := caller(ctx)
	f := jobs.Filter{State: text(q.State), Kind: text(q.Kind), Queue: text(q.Queue), Tenant: ownJobs(p), Limit: limit}
	if q.Tenant != nil {
		if !p.Operator {
			return nil, fault.New(fault.Malformed, "tenant is for operators; others see their own tenant's jobs")
		}
		f.Tenant = q.Tenant
	}
	if q.After != nil {
		f.After = *q.After
	}
	found, after, err := h.cfg.Jobs.List(ctx, f)
	if err != nil {
		return nil, err //nolint:wrapcheck // coded
	}
	res := ListJobs200JSONResponse{Body: append([]Job{}, found...)}
	res.Headers.Link = next("/api/v1/jobs", after > 0, strconv.FormatInt(after, 10),
		query(limit, "state", f.State, "kind", f.Kind, "queue", f.Queue, "tenant", idText(q.Tenant)))
	return res, nil
}

func (h *handlers) GetJob(ctx context.Context, req GetJobRequestObject) (GetJobResponseObject, error) {
	j, err := h.cfg.Jobs.Get(ctx, req.JobId, ownJobs(caller(ctx)))
	return GetJob200JSONResponse(j), err
}

func (h *handlers) RetryJob(ctx context.Context, req RetryJobRequestObject) (RetryJobResponseObject, error) {
	j, err := h.cfg.Jobs.Retry(ctx, req.JobId, ownJobs(caller(ctx)))
	return RetryJob202JSONResponse(j), err
}

func (h *handlers) CancelJob(ctx context.Context, req CancelJobRequestObject) (CancelJobResponseObject, error) {
	j, err := h.cfg.Jobs.Cancel(ctx, req.JobId, ownJobs(caller(ctx)))
	return CancelJob202JSONResponse(j), err
}

func (h *handlers) RetryJobs(ctx context.Context, req RetryJobsRequestObject) (RetryJobsResponseObject, error) {
	q := req.Body.Filter
	f := jobs.Filter{State: text(q.State), Kind: text(q.Kind), Queue: text(q.Queue), Tenant: q.Tenant}
	if q.Limit != nil {
		f.Limit = *q.Limit
	}
	if q.After != nil {
		f.After = *q.After
	}
	done, err := h.cfg.Jobs.RetryMany(ctx, f)
	return RetryJobs200JSONResponse(done), err
}

func (h *handlers) ListQueues(ctx context.Context, _ ListQueuesRequestObject) (ListQueuesResponseObject, error) {
	queues, err := h.cfg.Jobs.Queues(ctx)
	return ListQueues200JSONResponse(queues), err
}

func (h *handlers) PauseQueue(ctx context.Context, req PauseQueueRequestObject) (PauseQueueResponseObject, error) {
	return PauseQueue204Response{}, h.cfg.Jobs.Pause(ctx, req.Name)
}

func (h *handlers) ResumeQueue(ctx context.Context, req ResumeQueueRequestObject) (ResumeQueueResponseObject, error) {
	return ResumeQueue204Response{}, h.cfg.Jobs.Resume(ctx, req.Name)
}

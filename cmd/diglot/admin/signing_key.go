package admin

import "net/http"

// listSigningKeys gives all of them: there are few.
func (h *Handler) listSigningKeys(r *request) (reply, error) {
	keys, err := h.Operator.SigningKeys(r.ctx)
	return reply{status: http.StatusOK, body: List{Data: FromSigningKeys(keys)}}, err
}

func (h *Handler) rotateSigningKey(r *request) (reply, error) {
	k, err := h.Operator.RotateSigningKey(r.ctx)
	return reply{status: http.StatusCreated, body: FromSigningKey(k, true)}, err
}

func (h *Handler) retireSigningKey(r *request) (reply, error) {
	k, err := h.Operator.RetireSigningKey(r.ctx, SigningKeyID(r.PathValue("signing_key")))
	return reply{status: http.StatusOK, body: FromSigningKey(k, false)}, err
}

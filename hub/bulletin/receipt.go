package bulletin

const receiptSchema = "gatehouse.receipt/v1"

// OpenReceipt verifies a receipt's envelope by one of the profile's receipt keys.
func OpenReceipt(envelope []byte, p VerifiedProfile) (Receipt, error) {
	r, refusal := openReceipt(envelope, p)
	return r, asError(refusal)
}

func openReceipt(envelope []byte, p VerifiedProfile) (Receipt, *Refusal) {
	w, r := parseEnvelope(envelope, ReceiptType, MaxReceipt)
	if r != nil {
		return Receipt{}, r
	}
	signed, r := w.verify(false, p.Receipts)
	if r != nil {
		return Receipt{}, r
	}
	if len(signed) != 1 {
		return Receipt{}, refuse(BadSignature, "The receipt is not signed by one of the agency's receipt keys.")
	}
	var q Receipt
	if r := decodeStrict(w.Payload, &q); r != nil {
		return Receipt{}, r
	}
	if r := checkReceipt(q); r != nil {
		return Receipt{}, r
	}
	if q.Agency != p.Agency {
		return Receipt{}, refuse(UnknownAgency, "The receipt is of another agency.")
	}
	return q, nil
}

func checkReceipt(q Receipt) *Refusal {
	var c checker
	c.must(q.Type == receiptSchema, "The document is not a receipt of version 1.")
	c.must(IsDNSName(q.Agency), "The member agency is not a lower-case DNS name.")
	c.matches("sha256", isHash(q.SHA256), "a hash in hex")
	c.must(q.Bytes > 0, "The member bytes is not positive.")
	return c.r
}

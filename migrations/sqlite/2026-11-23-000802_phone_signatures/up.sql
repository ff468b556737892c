-- What a phone has signed of an event (base64), until the browser that shows the code collects it.
ALTER TABLE login_challenges ADD COLUMN certificate TEXT;
ALTER TABLE login_challenges ADD COLUMN signature TEXT;

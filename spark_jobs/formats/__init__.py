"""Line formats: `spec` how a job names them, `reader` how the job reads them. docs/formats.md says what each accepts."""

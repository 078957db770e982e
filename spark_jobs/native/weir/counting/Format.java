package weir.counting;

/** Reads lines of one format and one time zone. docs/formats.md says what each format accepts. */
interface Format {
    /**
     * Reads a text, which is valid UTF-8 and not empty, into `line`.
     *
     * @param append when the record arrived, ms
     * @return whether it is of this format; its time may still be missing
     */
    boolean read(byte[] a, int from, int to, boolean ascii, long append, Line line);
}

package weir.counting;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Signs the lines of a file again and again: prints the CPU microseconds of a message, once a round. In the engine's package, to reach Signer. */
final class SignatureCost {
    private SignatureCost() {}

    /** Arguments: a file with the JSON of a plan, a file with a message in each line, messages a round, rounds. */
    public static void main(String[] arguments) throws Exception {
        Signer signer = new Signer(new ObjectMapper().readTree(Files.readString(Path.of(arguments[0]))).get("signatures"));
        List<byte[]> messages = Files.readAllLines(Path.of(arguments[1])).stream().map(String::getBytes).toList();
        int many = Integer.parseInt(arguments[2]);
        var thread = ManagementFactory.getThreadMXBean();
        for (int round = 0; round < Integer.parseInt(arguments[3]); round++) {
            long began = thread.getCurrentThreadCpuTime(), bytes = 0;
            for (int n = 0; n < many; n++) {
                byte[] message = messages.get(n % messages.size());
                bytes += signer.sign(message, 0, message.length);
            }
            System.out.println((thread.getCurrentThreadCpuTime() - began) / 1000.0 / many + " " + bytes);
        }
    }
}

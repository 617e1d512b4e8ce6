package dev.outboard.dma.mediator;

import dev.outboard.uio.ProcessControl;
import java.io.IOException;
import java.nio.file.Path;

/** A mediator in a process of its own, until its standard input ends. */
final class MediatorProcess {
    private MediatorProcess() {}

    /** Arguments: the socket of clients, that of devices, and a processor or nothing. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.dieWithParent();
        if (arguments.length > 2) {
            // Threads that are started from here on inherit it.
            ProcessControl.pinThread(Integer.parseInt(arguments[2]));
        }
        MediatorOptions options =
                MediatorOptions.at(Path.of(arguments[0]), Path.of(arguments[1]))
                        .withMemoryBytes(256 << 20);
        try (Mediator mediator = Mediator.listen(options, MediatorListener.NONE)) {
            System.out.println("listening");
            while (System.in.read() >= 0) {
                System.out.println(mediator.clients().size());
            }
        }
    }
}

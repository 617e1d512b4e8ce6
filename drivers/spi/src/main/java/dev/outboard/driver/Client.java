package dev.outboard.driver;

import java.util.Map;

/**
 * A program that uses a driver from inside its process: the Java API of the design's picture. A
 * module {@code provides} it, and {@code outboard run … --client NAME} runs it on the started
 * service.
 */
public interface Client {
    /** The name after {@code --client}. */
    String name();

    /** One line that says what it does and which options it takes. */
    String help();

    /** The kind of service it can use. */
    Class<? extends Service> service();

    /**
     * What it takes of received frames that the device leaves unfinished: {@code UNSUMMED} and
     * {@code MERGED_…} of {@link dev.outboard.driver.net.FrameOffload}, as bits. It then receives
     * by {@link dev.outboard.driver.net.ReceivedFrameHandler}. Nothing, for a client that does not
     * say.
     */
    default int receiveOffloads() {
        return 0;
    }

    /**
     * The same where it depends on the client's options; what is wrong in them is for {@link #run}
     * to refuse.
     *
     * @param options given as {@code name=value}
     */
    default int receiveOffloads(Map<String, String> options) {
        return receiveOffloads();
    }

    /**
     * Runs until done, or until {@link ClientContext#isStopping}. Owns every queue of the service
     * it uses, on this thread or on threads it starts and joins.
     *
     * @throws DeviceException when the device failed or went away
     * @throws IllegalArgumentException when an option is wrong; the message names it
     */
    void run(Service service, ClientContext context);
}
